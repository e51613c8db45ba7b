import type { Ticket } from "@/protocol/types";

/** The contract's own filters of a list, by the contract's own names: an address with them can be sent to anybody. */
export const FILTER_FIELDS = [
  "status",
  "priority",
  "assignee",
  "team",
  "category",
  "tag",
  "requester",
] as const;
export type FilterField = (typeof FILTER_FIELDS)[number];
/** Several values of one field mean any of them. */
export type Filters = Readonly<Partial<Record<FilterField, readonly string[]>>>;

/** How the contract says "nobody". */
export const NOBODY = "none";

export function parseFilters(search: string): Filters {
  const query = new URLSearchParams(search);
  const filters: Partial<Record<FilterField, readonly string[]>> = {};
  for (const field of FILTER_FIELDS) {
    const values = [...new Set(query.getAll(field).filter(Boolean))];
    if (values.length > 0) filters[field] = values;
  }
  return filters;
}

/** The address' query with these filters in place of those that it had; what else it says stays. */
export function withFilters(search: string, filters: Filters): string {
  const query = new URLSearchParams(search);
  for (const field of FILTER_FIELDS) {
    query.delete(field);
    for (const value of filters[field] ?? []) query.append(field, value);
  }
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}

export function toggled(filters: Filters, field: FilterField, value: string): Filters {
  const before = filters[field] ?? [];
  const after = before.includes(value) ? before.filter((other) => other !== value) : [...before, value];
  const { [field]: _, ...rest } = filters;
  return after.length === 0 ? rest : { ...rest, [field]: after };
}

export function hasFilters(filters: Filters): boolean {
  return Object.keys(filters).length > 0;
}

export function matches(filters: Filters): (ticket: Ticket) => boolean {
  const tests: ((ticket: Ticket) => boolean)[] = [];
  const any = (field: FilterField, test: (ticket: Ticket, value: string) => boolean) => {
    const values = filters[field];
    if (values !== undefined) tests.push((ticket) => values.some((value) => test(ticket, value)));
  };
  any("status", (ticket, value) => ticket.status === value);
  any("priority", (ticket, value) => ticket.priority === value);
  any("assignee", (ticket, value) => (ticket.assignee ?? NOBODY) === value);
  any("team", (ticket, value) => ticket.team === value);
  any("category", (ticket, value) => ticket.category === value);
  any("tag", (ticket, value) => ticket.tags.includes(value));
  any("requester", (ticket, value) => ticket.requester.email.toLowerCase() === value.toLowerCase());
  return (ticket) => tests.every((test) => test(ticket));
}
