import type { Ticket } from "@/protocol/types";
import { Cell, type Unsubscribe } from "./cell";

export interface ViewSpec {
  /** Two specs with one key are the same view. */
  key: string;
  accepts(ticket: Ticket, now: number): boolean;
  /** Ties are broken by id, so that the order is total. */
  compare(a: Ticket, b: Ticket): number;
  /** What the view's readers sort its tickets into: another answer is news even where the order stays. */
  groupOf?(ticket: Ticket): string;
  /** One of many that somebody tries out: it is let go when newer ones are looked at. */
  transient?: boolean;
}

const NOBODY: readonly number[] = [];

/**
 * The tickets that one question matches, in order, kept up to date ticket by ticket: a change costs two binary
 * searches, not a sort. The order is made only once somebody looks at it; before that a view just counts.
 */
export class LiveView {
  readonly #spec: ViewSpec;
  get isTransient(): boolean {
    return this.#spec.transient ?? false;
  }
  /** Each member as it was when it was put in its place: the only way to find that place again. */
  readonly #members = new Map<number, Ticket>();
  #order: Ticket[] | null = null;
  #moved = false;
  readonly #ids = new Cell<readonly number[]>(NOBODY);
  readonly #count = new Cell(0);

  constructor(spec: ViewSpec) {
    this.#spec = spec;
  }

  /** Whether anybody waits to hear of it. */
  get isWatched(): boolean {
    return this.#ids.isWatched || this.#count.isWatched;
  }

  /** How many there are; watched apart from the order. */
  readonly count = (): number => this.#count.get();

  readonly subscribeCount = (listener: () => void): Unsubscribe => this.#count.subscribe(listener);

  readonly ids = (): readonly number[] => {
    if (this.#order === null) {
      this.#order = [...this.#members.values()].sort(this.#compare);
      this.#ids.set(this.#order.map((ticket) => ticket.id));
    }
    return this.#ids.get();
  };

  readonly subscribe = (listener: () => void): Unsubscribe => this.#ids.subscribe(listener);

  rebuild(tickets: Iterable<Ticket>, now: number): void {
    this.#members.clear();
    for (const ticket of tickets) {
      if (this.#spec.accepts(ticket, now)) this.#members.set(ticket.id, ticket);
    }
    if (this.#order !== null) this.#order = [...this.#members.values()].sort(this.#compare);
    this.#moved = true;
  }

  place(id: number, ticket: Ticket | undefined, now: number): void {
    const before = this.#members.get(id);
    const after = ticket !== undefined && this.#spec.accepts(ticket, now) ? ticket : undefined;
    if (before === after) return;
    if (before !== undefined) this.#members.delete(id);
    if (after !== undefined) this.#members.set(id, after);
    const order = this.#order;
    if (order === null) {
      this.#moved = true;
      return;
    }
    if (before !== undefined && after !== undefined) {
      const at = this.#find(order, before);
      const previous = order[at - 1];
      const next = order[at + 1];
      const stays =
        (previous === undefined || this.#compare(previous, after) < 0) &&
        (next === undefined || this.#compare(after, next) < 0);
      if (stays) {
        order[at] = after;
        const { groupOf } = this.#spec;
        if (groupOf !== undefined && groupOf(before) !== groupOf(after)) this.#moved = true;
        return;
      }
    }
    if (before !== undefined) order.splice(this.#find(order, before), 1);
    if (after !== undefined) order.splice(this.#find(order, after), 0, after);
    this.#moved = true;
  }

  /** Shows the watchers what has moved since the last time. */
  publish(): void {
    if (!this.#moved) return;
    this.#moved = false;
    this.#count.set(this.#members.size);
    if (this.#order !== null) this.#ids.set(this.#order.map((ticket) => ticket.id));
  }

  readonly #compare = (a: Ticket, b: Ticket): number => this.#spec.compare(a, b) || a.id - b.id;

  /** Where the ticket is, or where it belongs. */
  #find(order: Ticket[], ticket: Ticket): number {
    let low = 0;
    let high = order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const candidate = order[middle];
      if (candidate !== undefined && this.#compare(candidate, ticket) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
