import { strings } from "@/app/strings/strings";
import { describe, type Names } from "@/desk/record-text";
import type { Message, TicketRecord } from "@/protocol/types";

export interface Happened {
  key: string;
  at: string;
  by: string;
  what: string;
  /** Moved by itself, in the wake of something else. */
  quiet: boolean;
  /** Nobody did it. */
  machine: boolean;
}

export type TimelineItem =
  | { kind: "day"; key: string; at: string }
  | { kind: "message"; key: string; message: Message; version: number | null }
  | { kind: "events"; key: string; events: Happened[] };

export function actorName(by: string, me: string, nameOf: (id: string) => string): string {
  if (by === me) return strings.ticket.you;
  if (by === "requester") return strings.ticket.requester;
  return by === "system" || by === "triage" ? strings.ticket.system : nameOf(by);
}

/** What moves by itself and is told by the details pane already would only drown the conversation. */
const QUIET = new Set(["created", "sla_activated", "sla_paused", "sla_resumed", "sla_fulfilled"]);

function byMachine(record: TicketRecord): boolean {
  return record.event.type === "triage_changed" && (record.by === "system" || record.by === "triage");
}

/** What the machine set is told, what it only proposed stands beside the ticket. */
function isQuiet(record: TicketRecord): boolean {
  if (QUIET.has(record.event.type)) return true;
  const { category, priority, tags } = record.patch;
  return byMachine(record) && category === undefined && priority === undefined && tags === undefined;
}

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
    if (isQuiet(record)) continue;
    const happened = describe(record, names).map((what, index) => ({
      key: `${record.seq}-${index}`,
      at: record.at,
      by: record.by,
      what,
      quiet: false,
      machine: byMachine(record),
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
        quiet: isQuiet(record) && record.event.type !== "created",
        machine: byMachine(record),
      }));
    })
    .reverse();
}
