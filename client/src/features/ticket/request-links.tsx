import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Copy } from "lucide-react";
import { useState } from "react";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import { useDesk } from "@/desk/desk-context";
import { problemText } from "@/desk/refusal-text";
import { errorToast, toast } from "@/desk/toast";
import { asProblem } from "@/sync/problem-error";

function refused(error: unknown): void {
  const problem = asProblem(error);
  errorToast(strings.problems.title, {
    description: problem.fields[0]?.detail ?? problemText(problem),
  });
}

/** The links by which the requester follows this ticket: how many are out, a new one, the end of all. */
export function RequestLinks({ ticket, locked }: { ticket: number; locked: boolean }) {
  const { api } = useDesk();
  const queries = useQueryClient();
  const key = ["request-links", ticket];
  const links = useQuery({ queryKey: key, queryFn: () => api.requestLinks(ticket) });
  const [made, setMade] = useState<string | null>(null);
  if (links.data === undefined) return null;
  const again = () => queries.invalidateQueries({ queryKey: key });
  const make = async () => {
    const { token } = await api.createRequestLink(ticket);
    setMade(new URL(`/request#${token}`, window.location.href).href);
    await again();
  };
  const revoke = async () => {
    await api.revokeRequestLinks(ticket);
    setMade(null);
    toast(strings.requests.revokedLinks);
    await again();
  };
  const count = links.data.length;
  return (
    <div className="flex flex-col gap-1.5 pt-2">
      <p className="text-ink-3 text-xs">
        {strings.requests.links}:{" "}
        {count === 0 ? strings.requests.linksNone : strings.requests.linksOut(count)}
      </p>
      {made === null ? null : (
        <p className="select-all break-all rounded-md bg-sunken px-2 py-1.5 font-mono text-2xs">{made}</p>
      )}
      <div className="flex flex-wrap gap-1.5">
        {made !== null && navigator.clipboard !== undefined ? (
          <Button
            size="sm"
            onClick={() =>
              void navigator.clipboard.writeText(made).then(() => toast(strings.ticket.linkCopied), refused)
            }
          >
            <Copy className="size-3.5" />
            {strings.requests.copyLink}
          </Button>
        ) : (
          <Button size="sm" disabled={locked} onClick={() => void make().catch(refused)}>
            {strings.requests.makeLink}
          </Button>
        )}
        {count === 0 ? null : (
          <Button size="sm" variant="danger" onClick={() => void revoke().catch(refused)}>
            {strings.requests.revokeLinks}
          </Button>
        )}
      </div>
    </div>
  );
}
