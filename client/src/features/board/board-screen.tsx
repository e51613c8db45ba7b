import { monitorForElements } from "@atlaskit/pragmatic-drag-and-drop/element/adapter";
import { type KeyboardEvent, type ReactNode, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { strings } from "@/app/strings/strings";
import { Avatar } from "@/components/ui/avatar";
import { Dialog } from "@/components/ui/dialog";
import { PriorityIcon } from "@/components/ui/priority-icon";
import { StatusIcon } from "@/components/ui/status-icon";
import { ConnectionStatus } from "@/desk/connection-status";
import { useDesk } from "@/desk/desk-context";
import { type Filters, matches, withFilters } from "@/desk/filters";
import { number } from "@/desk/format-time";
import { MenuButton } from "@/desk/menu-button";
import { usePersonName, useView } from "@/desk/use-live";
import { useTicketActions } from "@/desk/use-ticket-actions";
import { isSnoozed, viewSpec } from "@/desk/views";
import { useAction } from "@/keyboard/actions";
import type { Priority, TicketStatus } from "@/protocol/types";
import type { ViewSpec } from "@/sync/live-view";
import { BoardColumn } from "./board-column";
import { useFlights } from "./flights";
import { AXES, type Axis, type Column, columnsOf, find, moveTo, NONE, neighbour } from "./moves";

/** Everything that is not closed and not asleep; what is solved has a place only among the statuses. */
function boardSpec(axis: Axis, filters: Filters, me: string): ViewSpec {
  const passes = matches(filters);
  const { compare } = viewSpec("open", "due", me);
  return {
    key: `board/${axis}/${withFilters("", filters)}`,
    transient: true,
    groupOf: (ticket) => ticket[axis] ?? NONE,
    compare,
    accepts: (ticket, now) =>
      (axis === "status" || ticket.status !== "solved") && !isSnoozed(ticket, now) && passes(ticket),
  };
}

/** The desk as columns of cards: dragged, or moved by keys, only to where they may go. */
export function BoardScreen({
  axis,
  onAxis,
  filters,
  filterBar,
  open,
  onOpen,
  onMenu,
}: {
  axis: Axis;
  onAxis: (axis: Axis) => void;
  filters: Filters;
  filterBar: ReactNode;
  open: number | null;
  onOpen: (id: number | null) => void;
  onMenu: () => void;
}) {
  const { sync, info, people, me, announce } = useDesk();
  const actions = useTicketActions();
  const spec = useMemo(() => boardSpec(axis, filters, me.id), [axis, filters, me.id]);
  const ids = useView(spec);
  const columns = useColumns(ids, axis);
  const nameOf = useColumnNames(axis);
  const board = useRef<HTMLDivElement>(null);
  const [cursor, setCursor] = useState<number | null>(null);
  const awaited = useRef<number | null>(null);
  const [dragged, setDragged] = useState<number | null>(null);
  const [moving, setMoving] = useState<number | null>(null);
  useFlights(board, columns);

  useEffect(
    () =>
      monitorForElements({
        onDragStart: ({ source }) => setDragged(Number(source.data.ticket)),
        onDrop: () => setDragged(null),
      }),
    [],
  );

  const here =
    cursor !== null && find(columns, cursor) !== null
      ? cursor
      : (columns.find((c) => c.ids[0])?.ids[0] ?? null);

  const focusCard = useCallback((id: number) => {
    setCursor(id);
    awaited.current = id;
    document.querySelector<HTMLElement>(`[data-card="${id}"]`)?.focus();
  }, []);
  const onFocus = useCallback((id: number) => {
    setCursor(id);
    if (awaited.current !== id) awaited.current = null;
  }, []);

  const put = useCallback(
    (id: number, key: string) => {
      const ticket = sync.tickets.get(id);
      if (ticket === undefined) return;
      const move = moveTo(ticket, axis, key, info, people, me);
      if (move.kind === "refused") announce(strings.board.refused[move.why]);
      if (move.kind !== "allowed") return;
      actions.update(id, move.fields);
      announce(strings.board.moved(id, nameOf(key)));
    },
    [sync, axis, info, people, me, actions, announce, nameOf],
  );

  /** To the next column on that side that takes the card. */
  const shift = (id: number, dx: number) => {
    const ticket = sync.tickets.get(id);
    const at = find(columns, id);
    if (ticket === undefined || at === null) return;
    for (let to = at.column + dx; to >= 0 && to < columns.length; to += dx) {
      const key = columns[to]?.key;
      if (key !== undefined && moveTo(ticket, axis, key, info, people, me).kind === "allowed") {
        put(id, key);
        focusCard(id);
        return;
      }
    }
    announce(strings.board.nowhere);
  };

  const step = (dx: number, dy: number) => {
    if (here === null) return;
    const at = find(columns, here);
    const next = at === null ? null : neighbour(columns, at, dx, dy);
    focusCard(next ?? here);
  };
  const section = "tickets" as const;
  useAction({ id: "next", title: strings.actions.nextTicket, section, keys: "j", run: () => step(0, 1) });
  useAction({
    id: "previous",
    title: strings.actions.previousTicket,
    section,
    keys: "k",
    run: () => step(0, -1),
  });
  useAction({ id: "column-left", title: strings.board.left, section, keys: "h", run: () => step(-1, 0) });
  useAction({ id: "column-right", title: strings.board.right, section, keys: "l", run: () => step(1, 0) });
  useAction({
    id: "card-left",
    title: strings.board.moveLeft,
    section,
    keys: "H",
    run: () => here !== null && shift(here, -1),
  });
  useAction({
    id: "card-right",
    title: strings.board.moveRight,
    section,
    keys: "L",
    run: () => here !== null && shift(here, 1),
  });
  useAction({
    id: "card-move",
    title: strings.board.move,
    section,
    keys: "M",
    run: () => here !== null && setMoving(here),
  });
  useAction({
    id: "open",
    title: strings.actions.openTicket,
    section,
    keys: "o",
    run: () => here !== null && onOpen(here),
  });
  useAction(
    open === null
      ? null
      : {
          id: "to-list",
          title: strings.board.close,
          section,
          keys: "Escape",
          run: () => {
            onOpen(null);
            if (here !== null) focusCard(here);
          },
        },
  );

  const onKeyDown = (event: KeyboardEvent) => {
    const steps: Record<string, [number, number]> = {
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
    };
    const by = steps[event.key];
    if (by === undefined || !(event.target instanceof HTMLElement) || event.target.dataset.card === undefined)
      return;
    event.preventDefault();
    if (!event.shiftKey) step(...by);
    else if (by[0] !== 0 && here !== null) shift(here, by[0]);
  };

  const held = dragged === null ? undefined : sync.tickets.get(dragged);
  return (
    <section aria-label={strings.board.title} className="flex h-full min-w-0 flex-col bg-surface lg:border-l">
      <header className="flex min-h-12 shrink-0 flex-wrap items-center gap-x-2 gap-y-1 border-b py-1.5 pr-3 pl-3.5">
        <MenuButton onMenu={onMenu} />
        <h1 className="font-semibold text-base tracking-tight">{strings.board.title}</h1>
        <span className="flex-1 text-ink-3 text-sm tabular-nums">{number(ids.length)}</span>
        <ConnectionStatus inHeader />
        <div role="radiogroup" aria-label={strings.board.by} className="flex rounded-md border p-0.5">
          {AXES.map((option) => (
            // biome-ignore lint/a11y/useSemanticElements: one choice of four, drawn as a switch
            <button
              key={option}
              type="button"
              role="radio"
              aria-checked={option === axis}
              onClick={() => onAxis(option)}
              className={
                option === axis
                  ? "h-6 rounded bg-press px-2 font-medium text-xs coarse:h-9"
                  : "h-6 rounded px-2 text-ink-3 text-xs hover:text-ink coarse:h-9"
              }
            >
              {strings.board.axes[option]}
            </button>
          ))}
        </div>
      </header>
      {filterBar}
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the cards inside have the focus; this only hears their arrows */}
      <div
        ref={board}
        onKeyDown={onKeyDown}
        className="scroll-thin flex min-h-0 flex-1 gap-3 overflow-x-auto p-3"
      >
        {columns.map((column) => (
          <BoardColumn
            key={`${axis}-${column.key}`}
            axis={axis}
            column={column}
            name={nameOf(column.key)}
            icon={<ColumnIcon axis={axis} value={column.key} />}
            cursor={here}
            open={open}
            dragged={dragged}
            awaited={awaited}
            move={held === undefined ? null : moveTo(held, axis, column.key, info, people, me)}
            onDrop={(id) => put(id, column.key)}
            onFocus={onFocus}
            onOpen={onOpen}
          />
        ))}
      </div>
      {moving === null ? null : (
        <MoveDialog
          id={moving}
          axis={axis}
          columns={columns}
          nameOf={nameOf}
          onMove={(key) => {
            put(moving, key);
            setMoving(null);
            focusCard(moving);
          }}
          onClose={() => setMoving(null)}
        />
      )}
    </section>
  );
}

/** Every column as a choice, with the reason where it is none. */
function MoveDialog({
  id,
  axis,
  columns,
  nameOf,
  onMove,
  onClose,
}: {
  id: number;
  axis: Axis;
  columns: readonly Column[];
  nameOf: (key: string) => string;
  onMove: (key: string) => void;
  onClose: () => void;
}) {
  const { sync, info, people, me } = useDesk();
  const ticket = sync.tickets.get(id);
  if (ticket === undefined) return null;
  return (
    <Dialog open onOpenChange={onClose} title={strings.board.moveTitle(id)}>
      <ul className="scroll-thin overflow-y-auto px-2 pb-3">
        {columns.map(({ key }) => {
          const move = moveTo(ticket, axis, key, info, people, me);
          return (
            <li key={key}>
              <button
                type="button"
                disabled={move.kind !== "allowed"}
                onClick={() => onMove(key)}
                className="flex h-9 w-full items-center gap-2.5 rounded-md px-2 text-left text-sm enabled:hover:bg-hover disabled:text-ink-3 coarse:h-11"
              >
                <ColumnIcon axis={axis} value={key} />
                <span className="flex-1">{nameOf(key)}</span>
                <span className="text-ink-3 text-xs">
                  {move.kind === "same"
                    ? strings.board.isHere
                    : move.kind === "refused"
                      ? strings.board.refused[move.why]
                      : ""}
                </span>
              </button>
            </li>
          );
        })}
      </ul>
    </Dialog>
  );
}

function useColumns(ids: readonly number[], axis: Axis): Column[] {
  const { sync, info, me, people } = useDesk();
  return useMemo(() => {
    const always: Record<Axis, readonly string[]> = {
      status: info.statuses.filter((status) => status !== "closed"),
      priority: info.priorities.toReversed(),
      team: [NONE, ...info.teams.map((team) => team.id)],
      assignee: [
        NONE,
        me.id,
        ...[...people.values()]
          .filter((person) => person.active && person.id !== me.id)
          .sort((a, b) => a.name.localeCompare(b.name))
          .map((person) => person.id),
      ],
    };
    return columnsOf(
      ids,
      (id) => {
        const ticket = sync.tickets.get(id);
        return ticket === undefined ? undefined : (ticket[axis] ?? NONE);
      },
      always[axis],
    );
  }, [ids, axis, sync, info, me.id, people]);
}

function useColumnNames(axis: Axis): (key: string) => string {
  const { info } = useDesk();
  const personName = usePersonName();
  return useCallback(
    (key: string) => {
      switch (axis) {
        case "status":
          return strings.status[key as TicketStatus] ?? key;
        case "priority":
          return strings.priority[key as Priority] ?? key;
        case "team":
          return key === NONE
            ? strings.list.noTeam
            : (info.teams.find((team) => team.id === key)?.name ?? key);
        case "assignee":
          return key === NONE ? strings.list.unassigned : personName(key);
      }
    },
    [axis, info, personName],
  );
}

function ColumnIcon({ axis, value }: { axis: Axis; value: string }) {
  const { me } = useDesk();
  const personName = usePersonName();
  if (axis === "status") return <StatusIcon status={value as TicketStatus} />;
  if (axis === "priority") return <PriorityIcon priority={value as Priority} />;
  if (axis === "assignee" && value !== NONE)
    return <Avatar name={personName(value)} size="xs" me={value === me.id} />;
  return null;
}
