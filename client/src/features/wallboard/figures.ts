import type { Ticket, TicketRecord } from "@/protocol/types";

const MINUTE = 60_000;
/** Minutes shown. */
export const SPAN = 60;

/**
 * How many tickets came in and went out in each of the last sixty minutes. It holds sixty-one pairs of numbers, however
 * long it runs and whatever it is told.
 */
export class Flow {
  readonly #in = new Int32Array(SPAN + 1);
  readonly #out = new Int32Array(SPAN + 1);
  /** The minute, since the Unix epoch, of the newest pair. */
  #head: number;

  constructor(now: number) {
    this.#head = Math.floor(now / MINUTE);
  }

  /** A ticket that is solved or closed went out; one that is opened or created came in. */
  take(record: TicketRecord, before: Ticket | undefined): void {
    const at = Date.parse(record.at);
    if (record.event.type === "created") this.#count(this.#in, at);
    const { status } = record.patch;
    if (status === undefined || record.event.type === "created") return;
    const wasOut = before !== undefined && (before.status === "solved" || before.status === "closed");
    const isOut = status === "solved" || status === "closed";
    if (isOut && !wasOut) this.#count(this.#out, at);
    else if (wasOut && !isOut) this.#count(this.#in, at);
  }

  #count(counts: Int32Array, at: number): void {
    const minute = Math.floor(at / MINUTE);
    this.#turnTo(minute);
    if (minute <= this.#head - counts.length) return;
    const slot = minute % counts.length;
    counts[slot] = (counts[slot] ?? 0) + 1;
  }

  #turnTo(minute: number): void {
    if (minute <= this.#head) return;
    const length = this.#in.length;
    const first = Math.max(this.#head + 1, minute - length + 1);
    for (let empty = first; empty <= minute; empty += 1) {
      this.#in[empty % length] = 0;
      this.#out[empty % length] = 0;
    }
    this.#head = minute;
  }

  /** Oldest first: seconds since the Unix epoch, as charts want them, and the counts. */
  series(now: number): [number[], number[], number[]] {
    this.#turnTo(Math.floor(now / MINUTE));
    const length = this.#in.length;
    const times: number[] = [];
    const came: number[] = [];
    const went: number[] = [];
    for (let minute = this.#head - length + 1; minute <= this.#head; minute += 1) {
      times.push(minute * 60);
      came.push(this.#in[minute % length] ?? 0);
      went.push(this.#out[minute % length] ?? 0);
    }
    return [times, came, went];
  }
}

const SAMPLES = 256;

/** The time from a record's own stamp to the pixels, over the last few hundred records. */
export class EventToScreen {
  readonly #samples = new Float64Array(SAMPLES);
  #taken = 0;

  take(ms: number): void {
    this.#samples[this.#taken % SAMPLES] = ms;
    this.#taken += 1;
  }

  /** Null before the first one; `skewed` where the two machines' clocks disagree by more than the way can take. */
  summary(): { typical: number; slow: number; count: number; skewed: boolean } | null {
    const count = Math.min(this.#taken, SAMPLES);
    if (count === 0) return null;
    const sorted = this.#samples.slice(0, count).sort();
    const at = (share: number) => sorted[Math.min(count - 1, Math.floor(count * share))] ?? 0;
    return { typical: at(0.5), slow: at(0.99), count, skewed: (sorted[0] ?? 0) < -2 };
  }
}

export interface Standing {
  waiting: number;
  /** When the one that has waited longest came in. */
  oldest: { id: number; since: number } | null;
  atRisk: number;
  late: number;
  open: number;
  held: ReadonlyMap<string, number>;
}

export const AT_RISK_MS = 30 * MINUTE;

/** One pass over the board. */
export function standing(
  tickets: Iterable<Ticket>,
  now: number,
  dueOf: (ticket: Ticket) => number | null,
): Standing {
  let waiting = 0;
  let oldest: Standing["oldest"] = null;
  let atRisk = 0;
  let late = 0;
  let open = 0;
  const held = new Map<string, number>();
  for (const ticket of tickets) {
    if (ticket.status !== "new" && ticket.status !== "open") continue;
    if (ticket.snoozed_until !== null && Date.parse(ticket.snoozed_until) > now) continue;
    open += 1;
    const due = dueOf(ticket);
    if (due !== null && due <= now) late += 1;
    else if (due !== null && due - now < AT_RISK_MS) atRisk += 1;
    if (ticket.assignee !== null) {
      held.set(ticket.assignee, (held.get(ticket.assignee) ?? 0) + 1);
      continue;
    }
    waiting += 1;
    const since = Date.parse(ticket.created_at);
    if (oldest === null || since < oldest.since) oldest = { id: ticket.id, since };
  }
  return { waiting, oldest, atRisk, late, open, held };
}
