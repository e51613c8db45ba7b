import clsx from "clsx";
import { AlarmClock, PenLine } from "lucide-react";
import { memo } from "react";
import { Link } from "wouter";
import { strings } from "@/app/strings/strings";
import { Avatar } from "@/components/ui/avatar";
import { DueClock } from "@/components/ui/due-clock";
import { PriorityIcon } from "@/components/ui/priority-icon";
import { StatusIcon } from "@/components/ui/status-icon";
import { useDesk } from "@/desk/desk-context";
import { age, fullTime } from "@/desk/format-time";
import { PresenceDots } from "@/desk/presence-dots";
import { useFlash, useHasDraft, usePersonName, useTicket } from "@/desk/use-live";
import { useNow } from "@/desk/use-now";
import { isSnoozed, lastActivity, nextDue, type ViewId } from "@/desk/views";

/** A target that is further away than this is no news. */
const DUE_SOON_MS = 12 * 3_600_000;

export const TicketRow = memo(function TicketRow({
  id,
  view,
  selected,
}: {
  id: number;
  view: ViewId;
  selected: boolean;
}) {
  const { me } = useDesk();
  const ticket = useTicket(id);
  const nameOf = usePersonName();
  const hasDraft = useHasDraft(id);
  const now = useNow("quarter-minute");
  const refused = useFlash(id, "status");
  if (ticket === undefined) return null;

  const due = nextDue(ticket);
  const showDue = due !== null && due - now < DUE_SOON_MS;
  const quiet = ticket.status === "solved" || ticket.status === "closed";

  return (
    <Link
      href={`/inbox/${view}/${id}`}
      aria-current={selected ? "true" : undefined}
      data-ticket={id}
      className={clsx(
        "relative flex h-full flex-col justify-center gap-0.5 border-b px-3.5 outline-offset-[-2px]",
        selected ? "bg-accent-soft" : "hover:bg-hover",
        refused?.kind === "refused" && "animate-flash-danger",
      )}
    >
      {selected ? <span aria-hidden="true" className="absolute inset-y-0 left-0 w-0.5 bg-accent" /> : null}
      <span className="flex items-center gap-2">
        <StatusIcon status={ticket.status} labelled />
        <span className={clsx("min-w-0 truncate text-sm", quiet ? "text-ink-2" : "font-medium text-ink")}>
          {ticket.requester.name || ticket.requester.email}
        </span>
        <PresenceDots ticket={id} />
        <span className="flex-1" />
        {hasDraft ? (
          <span className="inline-flex items-center gap-1 text-2xs text-danger">
            <PenLine className="size-3" aria-hidden="true" />
            {strings.list.draft}
          </span>
        ) : null}
        <time
          dateTime={lastActivity(ticket)}
          title={fullTime(lastActivity(ticket))}
          className="shrink-0 text-2xs text-ink-3 tabular-nums"
        >
          {age(lastActivity(ticket), now)}
        </time>
      </span>
      <span className="flex items-center gap-2 pl-5.5">
        <span className={clsx("min-w-0 flex-1 truncate text-sm", quiet ? "text-ink-3" : "text-ink-2")}>
          {ticket.subject}
        </span>
        {isSnoozed(ticket, now) ? (
          <AlarmClock className="size-3.5 shrink-0 text-ink-3" aria-hidden="true" />
        ) : null}
        {showDue && due !== null ? <DueClock due={due} compact /> : null}
        {ticket.priority === "normal" ? null : <PriorityIcon priority={ticket.priority} labelled />}
        {view === "mine" ? null : ticket.assignee === null ? (
          <span className="size-4.5 shrink-0 rounded-full border border-line-strong border-dashed">
            <span className="sr-only">{strings.list.unassigned}</span>
          </span>
        ) : (
          <span title={nameOf(ticket.assignee)} className="flex">
            <Avatar name={nameOf(ticket.assignee)} size="xs" me={ticket.assignee === me.id} />
            <span className="sr-only">{nameOf(ticket.assignee)}</span>
          </span>
        )}
      </span>
    </Link>
  );
});
