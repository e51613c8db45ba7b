import type { Message, Ticket, TicketRecord, TicketWithThread } from "@/protocol/types";
import type { Unsubscribe } from "./cell";
import { asProblem, type ProblemError } from "./problem-error";

export type Thread =
  | { kind: "loading" }
  | { kind: "failed"; error: ProblemError }
  | { kind: "ready"; version: number; messages: readonly Message[]; records: readonly TicketRecord[] };

const LOADING: Thread = { kind: "loading" };
const KEPT = 60;

/**
 * What was said and done on the tickets that somebody opened. Fetched once, then kept true by the same records that
 * move the replica; a record that does not follow means fetching again.
 */
export class Threads {
  readonly #fetch: (ticket: number) => Promise<TicketWithThread>;
  readonly #fetched: (ticket: Ticket) => void;
  readonly #threads = new Map<number, Thread>();
  /** Records that came while the answer was on its way. */
  readonly #early = new Map<number, TicketRecord[]>();
  readonly #listeners = new Map<number, Set<() => void>>();

  constructor(fetch: (ticket: number) => Promise<TicketWithThread>, fetched: (ticket: Ticket) => void) {
    this.#fetch = fetch;
    this.#fetched = fetched;
  }

  readonly get = (ticket: number): Thread => this.#threads.get(ticket) ?? LOADING;

  readonly subscribe = (ticket: number, listener: () => void): Unsubscribe => {
    let listeners = this.#listeners.get(ticket);
    if (listeners === undefined) {
      listeners = new Set();
      this.#listeners.set(ticket, listeners);
    }
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  };

  /** Fetches the thread unless it is here or on its way. */
  want(ticket: number): void {
    const thread = this.#threads.get(ticket);
    if (thread !== undefined && thread.kind !== "failed") {
      // The least lately wanted goes first.
      this.#threads.delete(ticket);
      this.#threads.set(ticket, thread);
      return;
    }
    this.#load(ticket);
  }

  record(record: TicketRecord): void {
    const early = this.#early.get(record.ticket);
    if (early !== undefined) {
      early.push(record);
      return;
    }
    const thread = this.#threads.get(record.ticket);
    if (thread?.kind !== "ready" || record.version <= thread.version) return;
    if (record.version !== thread.version + 1) {
      this.#load(record.ticket);
      return;
    }
    this.#set(record.ticket, extended(thread, record));
  }

  /** The replica started again: records may have passed unseen. */
  reset(): void {
    for (const [ticket, thread] of [...this.#threads]) {
      if (thread.kind === "ready" && this.#watched(ticket)) this.#load(ticket);
      else if (!this.#early.has(ticket)) this.#threads.delete(ticket);
    }
  }

  #load(ticket: number): void {
    const early: TicketRecord[] = [];
    this.#early.set(ticket, early);
    if (!this.#threads.has(ticket)) this.#set(ticket, LOADING);
    else if (this.#threads.get(ticket)?.kind === "failed") this.#set(ticket, LOADING);
    this.#forgetOldest();
    this.#fetch(ticket).then(
      (answer) => {
        if (this.#early.get(ticket) !== early) return;
        this.#early.delete(ticket);
        const { messages, events, ...fields } = answer;
        let thread: Extract<Thread, { kind: "ready" }> = {
          kind: "ready",
          version: fields.version,
          messages,
          records: events,
        };
        for (const record of early) {
          if (record.version <= thread.version) continue;
          if (record.version !== thread.version + 1) {
            this.#load(ticket);
            return;
          }
          thread = extended(thread, record);
        }
        this.#set(ticket, thread);
        this.#fetched(fields);
      },
      (error: unknown) => {
        if (this.#early.get(ticket) !== early) return;
        this.#early.delete(ticket);
        const before = this.#threads.get(ticket);
        // An older thread that is whole is better than none, but only the next record may say that it is not.
        if (before?.kind !== "ready") this.#set(ticket, { kind: "failed", error: asProblem(error) });
        else this.#threads.set(ticket, before);
      },
    );
  }

  #watched(ticket: number): boolean {
    return (this.#listeners.get(ticket)?.size ?? 0) > 0;
  }

  #forgetOldest(): void {
    for (const ticket of this.#threads.keys()) {
      if (this.#threads.size <= KEPT) return;
      if (!this.#watched(ticket) && !this.#early.has(ticket)) this.#threads.delete(ticket);
    }
  }

  #set(ticket: number, thread: Thread): void {
    this.#threads.set(ticket, thread);
    const listeners = this.#listeners.get(ticket);
    if (listeners) for (const listener of [...listeners]) listener();
  }
}

function extended(
  thread: Extract<Thread, { kind: "ready" }>,
  record: TicketRecord,
): Extract<Thread, { kind: "ready" }> {
  const message = "message" in record.event ? record.event.message : undefined;
  return {
    kind: "ready",
    version: record.version,
    messages: message === undefined ? thread.messages : [...thread.messages, message],
    records: [...thread.records, record],
  };
}
