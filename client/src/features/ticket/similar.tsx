import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import { StatusIcon } from "@/components/ui/status-icon";
import { useDesk } from "@/desk/desk-context";
import { percent } from "@/desk/format-time";
import type { Ticket } from "@/protocol/types";

const SHOWN = 5;
const STALE_MS = 5 * 60_000;

/** Solved tickets that tell alike, with how they were answered. */
export function Similar({ ticket }: { ticket: Ticket }) {
  const { api } = useDesk();
  const similar = useQuery({
    queryKey: ["similar", ticket.id, ticket.subject],
    queryFn: () => api.similar(ticket.id),
    staleTime: STALE_MS,
  });
  if (similar.isError) {
    return (
      <Button variant="ghost" size="sm" className="-ml-2.5 self-start" onClick={() => void similar.refetch()}>
        {strings.list.retry}
      </Button>
    );
  }
  const found = (similar.data ?? []).slice(0, SHOWN);
  if (found.length === 0)
    return (
      <p className="text-ink-3 text-sm">
        {similar.isFetching ? strings.relate.asking : strings.details.noSimilar}
      </p>
    );
  return (
    <ul className="flex flex-col">
      {found.map((other) => (
        <li key={other.id}>
          <Link
            href={`/tickets/${other.id}`}
            className="-mx-2 flex min-w-0 flex-col justify-center rounded-md px-2 py-1 text-sm hover:bg-hover coarse:min-h-11"
          >
            <span className="flex min-w-0 items-center gap-2">
              <StatusIcon status={other.status} labelled />
              <span className="text-ink-3 tabular-nums">#{other.id}</span>
              <span className="min-w-0 flex-1 truncate">{other.subject}</span>
              <span className="shrink-0 text-2xs text-ink-3 tabular-nums">
                <span className="sr-only">{strings.triage.likeness(percent(other.likeness))}</span>
                <span aria-hidden="true">{percent(other.likeness)}</span>
              </span>
            </span>
            {other.answer === null ? null : (
              <span className="line-clamp-2 pl-6 text-ink-3 text-xs">{other.answer}</span>
            )}
          </Link>
        </li>
      ))}
    </ul>
  );
}
