import type { Priority, Ticket } from "@/protocol/types";
import type { ViewSpec } from "@/sync/live-view";
import { type Filters, hasFilters, matches, withFilters } from "./filters";

export const SORTS = ["due", "recent", "oldest"] as const;
export type Sort = (typeof SORTS)[number];

export const FIXED_VIEWS = [
  "mine",
  "unassigned",
  "mentions",
  "open",
  "pending",
  "on-hold",
  "snoozed",
  "solved",
] as const;
export type FixedView = (typeof FIXED_VIEWS)[number];
/** A view that stands by itself: a fixed one, or `team-<id>`. */
export type BaseView = FixedView | `team-${string}`;
/** How a view is named in an address; `saved-<id>` is one of the user's own. */
export type ViewId = BaseView | `saved-${string}`;

export function isBaseView(text: string): text is BaseView {
  return (FIXED_VIEWS as readonly string[]).includes(text) || (text.startsWith("team-") && text.length > 5);
}

export function isViewId(text: string): text is ViewId {
  return isBaseView(text) || (text.startsWith("saved-") && text.length > 6);
}

export const GROUPS = ["none", "status", "priority", "assignee", "team"] as const;
export type Group = (typeof GROUPS)[number];

/** What a ticket's group is called on the wire; the empty string where it has none. */
export function groupOf(ticket: Ticket, group: Group): string {
  return group === "none" ? "" : (ticket[group] ?? "");
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

type Accepts = ViewSpec["accepts"];

/** Whose tickets a view is about. */
function scope(view: BaseView, me: string): (ticket: Ticket) => boolean {
  if (view === "mine") return (ticket) => ticket.assignee === me;
  if (view === "mentions") return (ticket) => ticket.mentions.includes(me);
  if (view === "unassigned") return (ticket) => ticket.assignee === null;
  if (view.startsWith("team-")) {
    const team = view.slice("team-".length);
    return (ticket) => ticket.team === team;
  }
  return () => true;
}

/** In which state they are; a filter by status asks for another one instead. */
function stage(view: BaseView): Accepts {
  switch (view) {
    case "pending":
      return (ticket, now) => ticket.status === "pending" && !isSnoozed(ticket, now);
    case "on-hold":
      return (ticket, now) => ticket.status === "on_hold" && !isSnoozed(ticket, now);
    case "mentions":
      return (ticket) => ticket.status !== "solved";
    case "snoozed":
      return (ticket, now) => ticket.status !== "solved" && isSnoozed(ticket, now);
    case "solved":
      return (ticket) => ticket.status === "solved";
    default:
      return isBeingWorkedOn;
  }
}

function accepts(view: BaseView, me: string, filters: Filters): Accepts {
  const isMeant = scope(view, me);
  const isThere = filters.status === undefined ? stage(view) : () => true;
  const passes = matches(filters);
  return (ticket, now) => isMeant(ticket) && isThere(ticket, now) && passes(ticket);
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

const STATUS_RANK = ["new", "open", "pending", "on_hold", "solved", "closed"];

/** Groups in the order in which one works through them. */
function compareGroups(group: Group): ViewSpec["compare"] | null {
  switch (group) {
    case "none":
      return null;
    case "status":
      return (a, b) => STATUS_RANK.indexOf(a.status) - STATUS_RANK.indexOf(b.status);
    case "priority":
      return (a, b) => WEIGHT[a.priority] - WEIGHT[b.priority];
    default:
      return (a, b) => byText(a[group] ?? "", b[group] ?? "");
  }
}

const NO_FILTERS: Filters = {};
const specs = new Map<string, ViewSpec>();
const SPECS_KEPT = 200;

export function viewSpec(
  view: BaseView,
  sort: Sort,
  me: string,
  filters: Filters = NO_FILTERS,
  group: Group = "none",
): ViewSpec {
  const key = `${me}/${view}/${sort}/${group}/${withFilters("", filters)}`;
  let spec = specs.get(key);
  if (spec === undefined) {
    const grouped = compareGroups(group);
    const compare = COMPARE[sort];
    spec = {
      key,
      accepts: accepts(view, me, filters),
      compare: grouped === null ? compare : (a, b) => grouped(a, b) || compare(a, b),
      ...(grouped === null ? {} : { groupOf: (ticket: Ticket) => groupOf(ticket, group) }),
      transient: hasFilters(filters) || group !== "none",
    };
    if (specs.size >= SPECS_KEPT) specs.clear();
    specs.set(key, spec);
  }
  return spec;
}
