import { Cell, type Unsubscribe } from "@/sync/cell";

const NONE: ReadonlySet<number> = new Set();

/** Which tickets of a list are marked, for one command to all of them. */
export class Selection {
  readonly ids = new Cell<ReadonlySet<number>>(NONE);
  /** Where the last mark was set: a range grows from here. */
  #anchor: number | null = null;

  readonly subscribe = (listener: () => void): Unsubscribe => this.ids.subscribe(listener);

  readonly has = (id: number): boolean => this.ids.get().has(id);

  readonly some = (): boolean => this.ids.get().size > 0;

  toggle(id: number): void {
    const next = new Set(this.ids.get());
    if (!next.delete(id)) next.add(id);
    this.#anchor = id;
    this.ids.set(next);
  }

  /** Everything from the last mark to here, in the order of the list. */
  extend(id: number, order: readonly number[]): void {
    const from = this.#anchor === null ? -1 : order.indexOf(this.#anchor);
    const to = order.indexOf(id);
    if (to < 0) return;
    const next = new Set(this.ids.get());
    const [first, last] = from < 0 ? [to, to] : [Math.min(from, to), Math.max(from, to)];
    for (const between of order.slice(first, last + 1)) next.add(between);
    if (from < 0) this.#anchor = id;
    this.ids.set(next);
  }

  all(order: readonly number[]): void {
    this.ids.set(new Set(order));
  }

  keep(ids: readonly number[]): void {
    this.ids.set(ids.length === 0 ? NONE : new Set(ids));
  }

  clear(): void {
    this.#anchor = null;
    this.ids.set(NONE);
  }
}
