import { draggable } from "@atlaskit/pragmatic-drag-and-drop/element/adapter";
import clsx from "clsx";
import { memo, type RefObject, useEffect, useLayoutEffect, useRef, useState } from "react";
import { strings } from "@/app/strings/strings";
import { Avatar } from "@/components/ui/avatar";
import { DueClock } from "@/components/ui/due-clock";
import { PriorityIcon } from "@/components/ui/priority-icon";
import { StatusIcon } from "@/components/ui/status-icon";
import { useDesk } from "@/desk/desk-context";
import { PresenceDots } from "@/desk/presence-dots";
import { useFlash, usePersonName, useTicket, useUnread } from "@/desk/use-live";
import { nextDue } from "@/desk/views";
import type { Axis } from "./moves";

export const BoardCard = memo(function BoardCard({
  id,
  axis,
  here,
  open,
  awaited,
  onFocus,
  onOpen,
}: {
  id: number;
  axis: Axis;
  /** The one card that Tab leads to. */
  here: boolean;
  open: boolean;
  /** Where the keys led: a card that is drawn only then, or anew in another column, takes the focus when it is there. */
  awaited: RefObject<number | null>;
  onFocus: (id: number) => void;
  onOpen: (id: number) => void;
}) {
  const { me } = useDesk();
  const ticket = useTicket(id);
  const nameOf = usePersonName();
  const unread = useUnread(ticket);
  const flash = useFlash(id, axis);
  const card = useRef<HTMLButtonElement>(null);
  const [dragged, setDragged] = useState(false);
  const exists = ticket !== undefined;

  useLayoutEffect(() => {
    if (!exists || awaited.current !== id) return;
    const on = document.activeElement;
    // Unless somebody has gone elsewhere meanwhile.
    if (on === null || on === document.body || on.closest("[data-card]") !== null) card.current?.focus();
  }, [id, exists, awaited]);

  useEffect(() => {
    if (!exists || card.current === null) return;
    return draggable({
      element: card.current,
      getInitialData: () => ({ ticket: id }),
      onDragStart: () => setDragged(true),
      onDrop: () => setDragged(false),
    });
  }, [id, exists]);

  if (ticket === undefined) return null;
  const due = nextDue(ticket);
  return (
    <button
      ref={card}
      type="button"
      data-card={id}
      tabIndex={here ? 0 : -1}
      aria-current={open ? "true" : undefined}
      aria-keyshortcuts="Shift+ArrowLeft Shift+ArrowRight"
      onFocus={() => onFocus(id)}
      onClick={() => onOpen(id)}
      className={clsx(
        "flex h-[6.25rem] w-full flex-col gap-1 rounded-lg border bg-raised px-3 py-2 text-left outline-offset-[-1px] transition-colors hover:border-line-strong",
        open && "border-accent bg-accent-soft",
        dragged && "opacity-40",
        flash?.kind === "refused" && "animate-flash-danger",
        flash?.kind === "changed" && "animate-flash-accent",
      )}
    >
      <span className="flex w-full items-center gap-1.5 text-2xs text-ink-3">
        {axis === "status" ? null : <StatusIcon status={ticket.status} labelled className="size-3" />}
        <span className="tabular-nums">#{id}</span>
        <span className="min-w-0 flex-1 truncate">{ticket.requester.name || ticket.requester.email}</span>
        <PresenceDots ticket={id} />
        {unread ? (
          <span className="size-1.5 shrink-0 rounded-full bg-accent">
            <span className="sr-only">{strings.list.unread}</span>
          </span>
        ) : null}
      </span>
      <span className="line-clamp-2 min-h-0 flex-1 font-medium text-ink text-sm">{ticket.subject}</span>
      <span className="flex w-full items-center gap-2">
        {axis === "priority" ? null : <PriorityIcon priority={ticket.priority} labelled />}
        {due === null ? null : <DueClock due={due} compact />}
        <span className="flex-1" />
        {axis === "assignee" || ticket.assignee === null ? null : (
          <span title={nameOf(ticket.assignee)} className="flex">
            <Avatar name={nameOf(ticket.assignee)} size="xs" me={ticket.assignee === me.id} />
            <span className="sr-only">{nameOf(ticket.assignee)}</span>
          </span>
        )}
      </span>
    </button>
  );
});
