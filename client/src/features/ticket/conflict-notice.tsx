import { GitCompareArrows } from "lucide-react";
import { useSyncExternalStore } from "react";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import { useDesk } from "@/desk/desk-context";
import { changes } from "@/desk/record-text";
import { usePersonName } from "@/desk/use-live";
import { useTicketActions } from "@/desk/use-ticket-actions";
import type { Patch } from "@/protocol/types";

/** What was changed here offline and by a colleague meanwhile: theirs stands until somebody decides. */
export function ConflictNotice({ ticket }: { ticket: number }) {
  const { conflicts, info } = useDesk();
  const all = useSyncExternalStore(conflicts.subscribe, conflicts.get);
  const nameOf = usePersonName();
  const actions = useTicketActions();
  const conflict = all.get(ticket);
  if (conflict === undefined) return null;
  const names = { person: nameOf, info };
  const who = conflict.by === null ? strings.conflict.somebody : nameOf(conflict.by);
  const close = () => {
    const rest = new Map(conflicts.get());
    rest.delete(ticket);
    conflicts.set(rest);
  };
  return (
    <section
      role="alert"
      aria-label={strings.conflict.title(ticket, who)}
      className="flex animate-fade flex-wrap items-center gap-x-4 gap-y-2 border-t bg-warn-soft px-4 py-2.5 text-sm @2xl:px-6"
    >
      <GitCompareArrows className="size-4 shrink-0 text-warn" aria-hidden="true" />
      <dl className="grid min-w-48 flex-1 grid-cols-[auto_minmax(0,1fr)] gap-x-3">
        <dt className="text-ink-2">{who}</dt>
        <dd>{changes(conflict.theirs, names).join(", ")}</dd>
        <dt className="text-ink-2">{strings.ticket.you}</dt>
        <dd>{changes(conflict.mine as Patch, names).join(", ")}</dd>
      </dl>
      <span className="flex gap-2">
        <Button size="sm" onClick={close}>
          {strings.conflict.theirs(who)}
        </Button>
        <Button
          size="sm"
          variant="primary"
          onClick={() => {
            actions.update(ticket, conflict.mine);
            close();
          }}
        >
          {strings.conflict.mine}
        </Button>
      </span>
    </section>
  );
}
