import { strings } from "@/app/strings/strings";
import { whenSoon } from "@/desk/format-time";
import type { DeskInfo, Message, Patch, TicketRecord } from "@/protocol/types";

export interface Happened {
  key: string;
  at: string;
  by: string;
  what: string;
  /** Moved by itself, in the wake of something else. */
  quiet: boolean;
}

export type TimelineItem =
  | { kind: "day"; key: string; at: string }
  | { kind: "message"; key: string; message: Message; version: number | null }
  | { kind: "events"; key: string; events: Happened[] };

export interface Names {
  person(id: string): string;
  info: Pick<DeskInfo, "teams" | "categories">;
}

export function actorName(by: string, me: string, nameOf: (id: string) => string): string {
  if (by === me) return strings.ticket.you;
  return by === "system" ? strings.ticket.system : nameOf(by);
}

/** What moves by itself and is told by the details pane already would only drown the conversation. */
const QUIET = new Set([
  "created",
  "sla_activated",
  "sla_paused",
  "sla_resumed",
  "sla_fulfilled",
  "triage_changed",
]);

/**
 * The conversation as it is read: messages in order, what else happened folded between them, a line where a day
 * begins. `records` and `messages` are in the order of the ticket's versions.
 */
export function timeline(
  records: readonly TicketRecord[],
  messages: readonly Message[],
  names: Names,
): TimelineItem[] {
  const byId = new Map(messages.map((message) => [message.id, message]));
  const placed = new Set<string>();
  const items: TimelineItem[] = [];
  let day = "";
  let open: Happened[] | null = null;

  const newDay = (at: string) => {
    const next = new Date(at).toDateString();
    if (next === day) return;
    day = next;
    open = null;
    items.push({ kind: "day", key: `day-${at}`, at });
  };
  const say = (message: Message, version: number | null) => {
    if (placed.has(message.id)) return;
    placed.add(message.id);
    newDay(message.at);
    open = null;
    items.push({ kind: "message", key: `message-${message.id}`, message, version });
  };

  for (const record of records) {
    if ("message" in record.event)
      say(byId.get(record.event.message.id) ?? record.event.message, record.version);
    if (QUIET.has(record.event.type)) continue;
    const happened = describe(record, names).map((what, index) => ({
      key: `${record.seq}-${index}`,
      at: record.at,
      by: record.by,
      what,
      quiet: false,
    }));
    if (happened.length === 0) continue;
    newDay(record.at);
    if (open === null) {
      open = [];
      items.push({ kind: "events", key: `events-${record.seq}`, events: open });
    }
    open.push(...happened);
  }
  // A server that does not send records with a message still shows it.
  for (const message of messages) say(message, null);
  return items;
}

/** Everything that was done, newest first. */
export function history(records: readonly TicketRecord[], names: Names): Happened[] {
  return records
    .flatMap((record) => {
      const what = record.event.type === "created" ? [strings.events.created] : describe(record, names);
      return what.map((text, index) => ({
        key: `${record.seq}-${index}`,
        at: record.at,
        by: record.by,
        what: text,
        quiet: QUIET.has(record.event.type) && record.event.type !== "created",
      }));
    })
    .reverse();
}

function describe(record: TicketRecord, names: Names): string[] {
  const { event, patch } = record;
  const words = strings.events;
  switch (event.type) {
    case "created":
      return [];
    case "message_added":
      return changes(patch, names);
    case "updated":
      return orChanged(changes(patch, names));
    case "claimed":
      return [words.claimed];
    case "released":
      return [event.vanished === undefined ? words.released : words.vanished(names.person(event.vanished))];
    case "skipped":
      return [words.skipped(event.reason)];
    case "merged":
      return [words.merged(event.into)];
    case "merged_in":
      return [words.mergedIn(event.from)];
    case "linked":
      return [words.linked(event.to)];
    case "unlinked":
      return [words.unlinked(event.to)];
    case "undone":
      return [words.undone, ...changes(patch, names)];
    case "sla_activated":
    case "sla_fulfilled":
    case "sla_breached":
      return [words[event.type](words.metric[event.metric])];
    case "sla_paused":
    case "sla_resumed":
    case "triage_changed":
      return [words[event.type]];
    default:
      // A newer server knows more; its patch still says what changed.
      return orChanged(changes(patch, names));
  }
}

function orChanged(sentences: string[]): string[] {
  return sentences.length > 0 ? sentences : [strings.events.changed];
}

function changes(patch: Patch, names: Names): string[] {
  const words = strings.events;
  const said: string[] = [];
  if (patch.status !== undefined) said.push(words.set(words.field.status, strings.status[patch.status]));
  if (patch.priority !== undefined)
    said.push(words.set(words.field.priority, strings.priority[patch.priority]));
  if (patch.assignee !== undefined) {
    said.push(patch.assignee === null ? words.tookOff : words.assigned(names.person(patch.assignee)));
  }
  if (patch.team !== undefined) said.push(named(words.field.team, patch.team, names.info.teams));
  if (patch.category !== undefined)
    said.push(named(words.field.category, patch.category, names.info.categories));
  if (patch.tags !== undefined) {
    said.push(
      patch.tags.length === 0
        ? words.cleared(words.field.tags)
        : words.set(words.field.tags, patch.tags.join(", ")),
    );
  }
  if (patch.subject !== undefined) said.push(words.renamed(patch.subject));
  if (patch.snoozed_until !== undefined) {
    said.push(
      patch.snoozed_until === null
        ? words.woke
        : words.snoozed(whenSoon(patch.snoozed_until, Date.parse(patch.updated_at ?? patch.snoozed_until))),
    );
  }
  return said;
}

function named(field: string, value: string | null, options: { id: string; name: string }[]): string {
  if (value === null) return strings.events.cleared(field);
  return strings.events.set(field, options.find((option) => option.id === value)?.name ?? value);
}
