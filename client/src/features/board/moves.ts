import { isAssignable, mayRelease } from "@/desk/team-sight";
import type { DeskInfo, Me, Priority, Ticket, TicketStatus, TicketUpdate, User } from "@/protocol/types";

export const AXES = ["status", "assignee", "priority", "team"] as const;
/** What the columns of a board are. */
export type Axis = (typeof AXES)[number];

/** The key of the column for tickets that have none. */
export const NONE = "";

export type Move =
  | { kind: "same" }
  | { kind: "allowed"; fields: TicketUpdate }
  | { kind: "refused"; why: "lifecycle" | "team" | "inactive" | "holder" };

/** What putting a ticket into a column would ask for, or why it cannot be: known before anything is dropped. */
export function moveTo(
  ticket: Ticket,
  axis: Axis,
  column: string,
  info: Pick<DeskInfo, "moves" | "teams">,
  people: ReadonlyMap<string, User>,
  me: Pick<Me, "id" | "permissions">,
): Move {
  if ((ticket[axis] ?? NONE) === column) return { kind: "same" };
  if (ticket.status === "closed") return { kind: "refused", why: "lifecycle" };
  switch (axis) {
    case "status": {
      const status = column as TicketStatus;
      return info.moves[ticket.status]?.includes(status)
        ? { kind: "allowed", fields: { status } }
        : { kind: "refused", why: "lifecycle" };
    }
    case "priority":
      return { kind: "allowed", fields: { priority: column as Priority } };
    case "team":
      return { kind: "allowed", fields: { team: column === NONE ? null : column } };
    case "assignee": {
      if (column === NONE) {
        return mayRelease(ticket, me)
          ? { kind: "allowed", fields: { assignee: null } }
          : { kind: "refused", why: "holder" };
      }
      const person = people.get(column);
      if (person === undefined || !person.active) return { kind: "refused", why: "inactive" };
      return isAssignable(person, ticket.team, info)
        ? { kind: "allowed", fields: { assignee: column } }
        : { kind: "refused", why: "team" };
    }
  }
}

export interface Column {
  key: string;
  ids: readonly number[];
}

/** The tickets of a list that is ordered by group, cut into columns; a column that must be there is there when empty. */
export function columnsOf(
  ids: readonly number[],
  keyOf: (id: number) => string | undefined,
  always: readonly string[],
): Column[] {
  const byKey = new Map<string, number[]>(always.map((key) => [key, []]));
  for (const id of ids) {
    const key = keyOf(id);
    if (key === undefined) continue;
    const column = byKey.get(key);
    if (column === undefined) byKey.set(key, [id]);
    else column.push(id);
  }
  return [...byKey].map(([key, members]) => ({ key, ids: members }));
}

export interface Spot {
  column: number;
  row: number;
}

/** Where a card is; null where it is not on the board. */
export function find(columns: readonly Column[], id: number): Spot | null {
  for (const [column, { ids }] of columns.entries()) {
    const row = ids.indexOf(id);
    if (row >= 0) return { column, row };
  }
  return null;
}

/** The card that an arrow leads to from here: the same height in the next column that has any. */
export function neighbour(columns: readonly Column[], from: Spot, dx: number, dy: number): number | null {
  if (dy !== 0) return columns[from.column]?.ids[from.row + dy] ?? null;
  for (let at = from.column + dx; at >= 0 && at < columns.length; at += dx) {
    const ids = columns[at]?.ids ?? [];
    if (ids.length > 0) return ids[Math.min(from.row, ids.length - 1)] ?? null;
  }
  return null;
}
