import type { Ticket, TicketRecord } from "@/protocol/types";
import type { Api } from "@/sync/api";
import { Cell } from "@/sync/cell";
import { asProblem, type ProblemError } from "@/sync/problem-error";

export interface PastMoment {
  kind: "ready";
  /** The moment on the clock, which is at or after the last record that was applied. */
  at: number;
  seq: number;
  board: ReadonlyMap<number, Ticket>;
  /** What happened last, newest first. */
  lately: readonly TicketRecord[];
  /** Tickets that the last step changed. */
  changed: ReadonlySet<number>;
  /** Nothing is known beyond this moment yet: playing waits for it. */
  waiting: boolean;
}

export type PastState = { kind: "loading" } | { kind: "failed"; error: ProblemError } | PastMoment;

const PAGE = 1_000;
/** With fewer records ahead than this the next ones are fetched. */
const AHEAD = 400;
const LATELY = 40;

/**
 * The desk as it stood: a snapshot of a moment, and from there the records one by one, as they were. Going back takes another
 * snapshot; going on takes what happened.
 */
export class PastDesk {
  readonly state = new Cell<PastState>({ kind: "loading" });
  readonly #api: Pick<Api, "snapshotAt" | "events">;

  #turn = 0;
  #epoch: string | undefined;
  #at = 0;
  #seq = 0;
  #board = new Map<number, Ticket>();
  #lately: TicketRecord[] = [];
  #ahead: TicketRecord[] = [];
  /** From where to ask for more, and whether there was any at the last time. */
  #next = 0;
  #ended = false;
  #fetching = false;

  constructor(api: Pick<Api, "snapshotAt" | "events">) {
    this.#api = api;
  }

  /** Shows the desk at a moment. A short way on is walked, everything else begins with a snapshot. */
  async goTo(at: number): Promise<void> {
    const known = this.state.get().kind === "ready";
    const last = this.#ahead.at(-1);
    if (known && at >= this.#at && (this.#ended || (last !== undefined && Date.parse(last.at) >= at))) {
      this.advance(at);
      return;
    }
    this.#turn += 1;
    const turn = this.#turn;
    if (!known) this.state.set({ kind: "loading" });
    try {
      const snapshot = await this.#api.snapshotAt(new Date(at).toISOString());
      if (turn !== this.#turn) return;
      this.#epoch = snapshot.epoch;
      this.#at = at;
      this.#seq = snapshot.seq;
      this.#next = snapshot.seq;
      this.#board = new Map(snapshot.board.map((ticket) => [ticket.id, ticket]));
      this.#lately = [];
      this.#ahead = [];
      this.#ended = false;
      this.#fetching = false;
      this.#show(new Set());
      await this.#fetch(turn);
    } catch (error) {
      if (turn === this.#turn) this.state.set({ kind: "failed", error: asProblem(error) });
    }
  }

  /** Lets time pass up to a moment, as far as it is known. */
  advance(to: number): void {
    if (this.state.get().kind !== "ready" || to < this.#at) return;
    const changed = new Set<number>();
    let count = 0;
    for (const record of this.#ahead) {
      if (Date.parse(record.at) > to) break;
      this.#apply(record);
      changed.add(record.ticket);
      count += 1;
    }
    this.#ahead.splice(0, count);
    const last = this.#ahead.length === 0 && !this.#ended;
    // Beyond the last record that is here, nobody knows yet what happened.
    this.#at = last ? Math.max(this.#at, Math.min(to, this.#knownUntil())) : to;
    this.#show(changed);
    if (this.#ahead.length < AHEAD && !this.#ended) void this.#more();
  }

  /** The moment of the next thing that happened; null where none is known. */
  nextEventAt(): number | null {
    const next = this.#ahead[0];
    return next === undefined ? null : Date.parse(next.at);
  }

  stop(): void {
    this.#turn += 1;
  }

  #knownUntil(): number {
    const last = this.#lately[0];
    return last === undefined ? this.#at : Date.parse(last.at);
  }

  #apply(record: TicketRecord): void {
    this.#seq = record.seq;
    const before = this.#board.get(record.ticket);
    const ticket = { ...before, ...record.patch, id: record.ticket, version: record.version } as Ticket;
    if (ticket.status === "closed") this.#board.delete(ticket.id);
    else this.#board.set(ticket.id, ticket);
    this.#lately = [record, ...this.#lately.slice(0, LATELY - 1)];
  }

  #show(changed: ReadonlySet<number>): void {
    this.state.set({
      kind: "ready",
      at: this.#at,
      seq: this.#seq,
      board: this.#board,
      lately: this.#lately,
      changed,
      waiting: this.#ahead.length === 0 && !this.#ended,
    });
  }

  async #more(): Promise<void> {
    const turn = this.#turn;
    try {
      await this.#fetch(turn);
    } catch (error) {
      if (turn === this.#turn) this.state.set({ kind: "failed", error: asProblem(error) });
    }
  }

  async #fetch(turn: number): Promise<void> {
    if (this.#fetching) return;
    this.#fetching = true;
    try {
      const { records, next_after } = await this.#api.events({
        after: this.#next,
        limit: PAGE,
        ...(this.#epoch === undefined ? {} : { epoch: this.#epoch }),
      });
      if (turn !== this.#turn) return;
      this.#next = next_after;
      this.#ahead.push(...records);
      this.#ended = records.length < PAGE;
      this.#show(new Set());
    } finally {
      if (turn === this.#turn) this.#fetching = false;
    }
  }
}
