import type { Ticket, TicketRecord } from "@/protocol/types";
import type { Api } from "@/sync/api";
import { Cell } from "@/sync/cell";
import { browserClock, type Clock } from "@/sync/clock";
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
  readonly #clock: Pick<Clock, "now">;

  #turn = 0;
  #epoch: string | undefined;
  #at = 0;
  #seq = 0;
  #board = new Map<number, Ticket>();
  #lately: TicketRecord[] = [];
  #ahead: TicketRecord[] = [];
  /** From where to ask for more. */
  #next = 0;
  /** When the last record that there is was asked for: what came after that moment nobody knows yet. Null while there may be more. */
  #endedAt: number | null = null;
  /** What was asked for and is not here yet. */
  #coming: Promise<void> | null = null;
  #steps: Promise<unknown> = Promise.resolve();

  constructor(api: Pick<Api, "snapshotAt" | "events">, clock: Pick<Clock, "now"> = browserClock) {
    this.#api = api;
    this.#clock = clock;
  }

  /** Shows the desk at a moment. A short way on is walked, everything else begins with a snapshot. */
  goTo(at: number): Promise<void> {
    const known = this.state.get().kind === "ready";
    if (known && at >= this.#at && at <= this.#knownUntil()) {
      this.advance(at);
      return Promise.resolve();
    }
    this.#turn += 1;
    if (!known) this.state.set({ kind: "loading" });
    return this.#ask(async (turn) => {
      const snapshot = await this.#api.snapshotAt(new Date(at).toISOString());
      if (turn !== this.#turn) return;
      this.#epoch = snapshot.epoch;
      this.#at = at;
      this.#seq = snapshot.seq;
      this.#next = snapshot.seq;
      this.#board = new Map(snapshot.board.map((ticket) => [ticket.id, ticket]));
      this.#lately = [];
      this.#ahead = [];
      this.#endedAt = null;
      this.#show(new Set());
      await this.#fetch(turn);
    });
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
    // Beyond what is here, nobody knows yet what happened.
    const until = this.#knownUntil();
    this.#at = Math.max(this.#at, Math.min(to, until));
    this.#show(changed);
    if (this.#endedAt === null ? this.#ahead.length < AHEAD : to > until) void this.#more();
  }

  /**
   * Goes on to the next thing that happened, and answers its moment: after the steps before this one, and after what is on its
   * way. Null where nothing happened since, or where somebody went elsewhere meanwhile.
   */
  step(): Promise<number | null> {
    const turn = this.#turn;
    const stepped = this.#steps.then(async () => {
      if (turn === this.#turn && this.#ahead.length === 0) await this.#more();
      const next = this.#ahead[0];
      if (turn !== this.#turn || next === undefined || this.state.get().kind !== "ready") return null;
      const at = Date.parse(next.at);
      this.advance(at);
      return at;
    });
    this.#steps = stepped;
    return stepped;
  }

  stop(): void {
    this.#turn += 1;
  }

  /** Everything up to this moment is here. */
  #knownUntil(): number {
    const last = this.#ahead.at(-1) ?? this.#lately[0];
    return Math.max(this.#at, this.#endedAt ?? 0, last === undefined ? 0 : Date.parse(last.at));
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
    });
  }

  /** What was asked for already is more as well. */
  #more(): Promise<void> {
    return this.#coming ?? this.#ask((turn) => this.#fetch(turn));
  }

  /** Never fails: what went wrong is shown. */
  #ask(question: (turn: number) => Promise<void>): Promise<void> {
    const turn = this.#turn;
    const coming = question(turn)
      .catch((error: unknown) => {
        if (turn === this.#turn) this.state.set({ kind: "failed", error: asProblem(error) });
      })
      .finally(() => {
        if (this.#coming === coming) this.#coming = null;
      });
    this.#coming = coming;
    return coming;
  }

  async #fetch(turn: number): Promise<void> {
    const askedAt = this.#clock.now();
    const { records, next_after } = await this.#api.events({
      after: this.#next,
      limit: PAGE,
      ...(this.#epoch === undefined ? {} : { epoch: this.#epoch }),
    });
    if (turn !== this.#turn) return;
    this.#next = next_after;
    this.#ahead.push(...records);
    this.#endedAt = records.length < PAGE ? askedAt : null;
    this.#show(new Set());
  }
}
