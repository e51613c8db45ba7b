import clsx from "clsx";
import { AlarmClock, AtSign, PenLine } from "lucide-react";
import { memo, useSyncExternalStore } from "react";
import { Link } from "wouter";
import { strings } from "@/app/strings/strings";
import { Avatar } from "@/components/ui/avatar";
import { Checkbox } from "@/components/ui/checkbox";
import { DueClock } from "@/components/ui/due-clock";
import { PriorityIcon } from "@/components/ui/priority-icon";
import { StatusIcon } from "@/components/ui/status-icon";
import { useDesk } from "@/desk/desk-context";
import { age, fullTime } from "@/desk/format-time";
import { PresenceDots } from "@/desk/presence-dots";
import type { Selection } from "@/desk/selection";
import { useFlash, useHasDraft, usePersonName, useTicket, useUnread } from "@/desk/use-live";
import { useNow } from "@/desk/use-now";
import { isSnoozed, lastActivity, nextDue } from "@/desk/views";
import type { Ticket } from "@/protocol/types";

/** A target that is further away than this is no news. */
const DUE_SOON_MS = 12 * 3_600_000;
/** Whoever passes over a row with the pointer does not mean it yet. */
const HOVER_MS = 60;

export const TicketRow = memo(function TicketRow({
  id,
  href,
  selected,
  selection,
  order,
  showAssignee,
  found,
}: {
  id: number;
  href: string;
  selected: boolean;
  selection: Selection;
  /** The whole list as it is now, for ranges. */
  order: { readonly current: readonly number[] };
  showAssignee: boolean;
  /** The ticket as a search found it, for those that are not on the board. */
  found?: Ticket | undefined;
}) {
  const { me, sync } = useDesk();
  const ticket = useTicket(id) ?? found;
  const nameOf = usePersonName();
  const hasDraft = useHasDraft(id);
  const unread = useUnread(ticket);
  const marked = useSyncExternalStore(selection.subscribe, () => selection.has(id));
  const marking = useSyncExternalStore(selection.subscribe, selection.some);
  const now = useNow("quarter-minute");
  const refused = useFlash(id, "status");
  if (ticket === undefined) return null;

  const due = nextDue(ticket);
  const showDue = due !== null && due - now < DUE_SOON_MS;
  const quiet = ticket.status === "solved" || ticket.status === "closed";
  let hover: ReturnType<typeof setTimeout> | undefined;

  return (
    <div
      className={clsx(
        "group relative h-full border-b",
        marked || selected ? "bg-accent-soft" : "hover:bg-hover",
        refused?.kind === "refused" && "animate-flash-danger",
      )}
      onPointerEnter={(event) => {
        if (event.pointerType === "mouse") hover = setTimeout(() => sync.threads.want(id), HOVER_MS);
      }}
      onPointerLeave={() => clearTimeout(hover)}
    >
      {selected ? <span aria-hidden="true" className="absolute inset-y-0 left-0 w-0.5 bg-accent" /> : null}
      <Link
        href={href}
        aria-current={selected ? "true" : undefined}
        data-ticket={id}
        onClick={(event) => {
          if (event.shiftKey) selection.extend(id, order.current);
          else if (event.metaKey || event.ctrlKey) selection.toggle(id);
          else return;
          event.preventDefault();
        }}
        className="flex h-full flex-col justify-center gap-0.5 px-3.5 outline-offset-[-2px]"
      >
        <span className="flex items-center gap-2">
          <StatusIcon
            status={ticket.status}
            labelled
            className={marking ? "opacity-0" : "pointer-fine:group-hover:opacity-0"}
          />
          <span
            className={clsx(
              "min-w-0 truncate text-sm",
              unread ? "font-semibold text-ink" : quiet ? "text-ink-2" : "font-medium text-ink",
            )}
          >
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
            className={clsx(
              "shrink-0 text-2xs tabular-nums",
              unread ? "font-medium text-accent" : "text-ink-3",
            )}
          >
            {age(lastActivity(ticket), now)}
          </time>
          {unread ? (
            <span className="size-2 shrink-0 rounded-full bg-accent">
              <span className="sr-only">{strings.list.unread}</span>
            </span>
          ) : null}
        </span>
        <span className="flex items-center gap-2 pl-5.5">
          <span
            className={clsx(
              "min-w-0 flex-1 truncate text-sm",
              unread ? "text-ink" : quiet ? "text-ink-3" : "text-ink-2",
            )}
          >
            {ticket.subject}
          </span>
          {ticket.mentions.includes(me.id) ? (
            <AtSign className="size-3.5 shrink-0 text-accent" aria-label={strings.list.mentioned} />
          ) : null}
          {isSnoozed(ticket, now) ? (
            <AlarmClock className="size-3.5 shrink-0 text-ink-3" aria-hidden="true" />
          ) : null}
          {showDue && due !== null ? <DueClock due={due} compact /> : null}
          {ticket.priority === "normal" ? null : <PriorityIcon priority={ticket.priority} labelled />}
          {!showAssignee ? null : ticket.assignee === null ? (
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
      <Checkbox
        label={strings.bulk.select(id)}
        checked={marked}
        // The keyboard marks with X; another stop in every row would only be in the way.
        tabIndex={-1}
        onChange={() => {}}
        onClick={(event) => {
          if (event.shiftKey) selection.extend(id, order.current);
          else selection.toggle(id);
        }}
        className={clsx(
          "absolute! top-[calc(50%-1.2rem)] left-[0.8rem]",
          marking ? "" : "opacity-0 pointer-fine:group-hover:opacity-100 coarse:hidden",
        )}
      />
    </div>
  );
});
