import type { Priority, Ticket } from "@/protocol/types";
import type { ViewSpec } from "@/sync/live-view";

export const SORTS = ["due", "recent", "oldest"] as const;
export type Sort = (typeof SORTS)[number];

export const FIXED_VIEWS = ["mine", "unassigned", "open", "pending", "on-hold", "snoozed", "solved"] as const;
export type FixedView = (typeof FIXED_VIEWS)[number];
/** How a view is named in an address: a fixed one, or `team-<id>`. */
export type ViewId = FixedView | `team-${string}`;

export function isViewId(text: string): text is ViewId {
  return (FIXED_VIEWS as readonly string[]).includes(text) || (text.startsWith("team-") && text.length > 5);
}

const WEIGHT: Record<Priority, number> = { urgent: 0, high: 1, normal: 2, low: 3 };

/** The next target that can be missed, or null. */
export function nextDue(ticket: Ticket): number | null {
  let next: number | null = null;
  for (const due of [
    ticket.sla.first_response_due,
    ticket.sla.next_response_due,
    ticket.sla.resolution_due,
  ]) {
    if (due === null || due === undefined) continue;
    const at = Date.parse(due);
    if (next === null || at < next) next = at;
  }
  return next;
}

export function lastActivity(ticket: Ticket): string {
  return ticket.last_message_at ?? ticket.updated_at;
}

export function isSnoozed(ticket: Ticket, now: number): boolean {
  return ticket.snoozed_until !== null && Date.parse(ticket.snoozed_until) > now;
}

function isBeingWorkedOn(ticket: Ticket, now: number): boolean {
  return (ticket.status === "new" || ticket.status === "open") && !isSnoozed(ticket, now);
}

function accepts(view: ViewId, me: string): ViewSpec["accepts"] {
  switch (view) {
    case "mine":
      return (ticket, now) => ticket.assignee === me && isBeingWorkedOn(ticket, now);
    case "unassigned":
      return (ticket, now) => ticket.assignee === null && isBeingWorkedOn(ticket, now);
    case "open":
      return isBeingWorkedOn;
    case "pending":
      return (ticket, now) => ticket.status === "pending" && !isSnoozed(ticket, now);
    case "on-hold":
      return (ticket, now) => ticket.status === "on_hold" && !isSnoozed(ticket, now);
    case "snoozed":
      return (ticket, now) => ticket.status !== "solved" && isSnoozed(ticket, now);
    case "solved":
      return (ticket) => ticket.status === "solved";
    default: {
      const team = view.slice("team-".length);
      return (ticket, now) => ticket.team === team && isBeingWorkedOn(ticket, now);
    }
  }
}

const COMPARE: Record<Sort, ViewSpec["compare"]> = {
  due: (a, b) => {
    const dueA = nextDue(a) ?? Number.POSITIVE_INFINITY;
    const dueB = nextDue(b) ?? Number.POSITIVE_INFINITY;
    if (dueA !== dueB) return dueA < dueB ? -1 : 1;
    if (a.priority !== b.priority) return WEIGHT[a.priority] - WEIGHT[b.priority];
    return byText(a.created_at, b.created_at);
  },
  recent: (a, b) => byText(lastActivity(b), lastActivity(a)),
  oldest: (a, b) => byText(a.created_at, b.created_at),
};

// Times on the wire have one form and one zone, so text order is time order.
function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

const specs = new Map<string, ViewSpec>();

export function viewSpec(view: ViewId, sort: Sort, me: string): ViewSpec {
  const key = `${me}/${view}/${sort}`;
  let spec = specs.get(key);
  if (spec === undefined) {
    spec = { key, accepts: accepts(view, me), compare: COMPARE[sort] };
    specs.set(key, spec);
  }
  return spec;
}
