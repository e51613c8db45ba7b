import type { Patch, Ticket } from "@/protocol/types";
import type { Unsubscribe } from "./cell";
import type { Clock } from "./clock";
import { LiveView, type ViewSpec } from "./live-view";
import type { Replica } from "./replica";

/** Redraws come at most this often while records pour in; the first one comes at once. */
const FRAME_MS = 16;
const TRANSIENTS_KEPT = 6;

/**
 * Tickets as this user should see them: the replica with the user's own unanswered changes on top. Screens read it
 * through `get` and views, whose answers keep their identity until they change.
 */
export class TicketStore {
  readonly #replica: Replica;
  readonly #overlay: (ticket: number) => Patch | null;
  readonly #clock: Clock;

  readonly #merged = new Map<number, Ticket>();
  readonly #views = new Map<string, LiveView>();
  readonly #listeners = new Map<number, Set<() => void>>();
  readonly #dirty = new Set<number>();
  /** Tickets whose place depends on the time of day. */
  readonly #snoozed = new Map<number, number>();
  #allDirty = false;
  #scheduled = false;
  #lastFlush = Number.NEGATIVE_INFINITY;
  #stopAlarm = () => {};

  constructor(replica: Replica, overlay: (ticket: number) => Patch | null, clock: Clock) {
    this.#replica = replica;
    this.#overlay = overlay;
    this.#clock = clock;
  }

  readonly get = (id: number): Ticket | undefined => {
    const base = this.#replica.get(id);
    if (base === undefined) return undefined;
    return this.#merged.get(id) ?? base;
  };

  readonly subscribe = (id: number, listener: () => void): Unsubscribe => {
    let listeners = this.#listeners.get(id);
    if (listeners === undefined) {
      listeners = new Set();
      this.#listeners.set(id, listeners);
    }
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(id) === listeners) this.#listeners.delete(id);
    };
  };

  /** The same key gives the same view, kept up to date from then on. */
  view(spec: ViewSpec): LiveView {
    let view = this.#views.get(spec.key);
    if (view === undefined) {
      view = new LiveView(spec);
      if (view.isTransient) this.#forgetTransients();
      this.#views.set(spec.key, view);
      view.rebuild(this.#active(), this.#clock.now());
      view.publish();
    }
    return view;
  }

  /** Each view costs something with each record, so those that somebody only tried out do not stay. */
  #forgetTransients(): void {
    const unused = [...this.#views].filter(([, view]) => view.isTransient && !view.isWatched);
    for (const [key] of unused.slice(0, Math.max(0, unused.length - TRANSIENTS_KEPT)))
      this.#views.delete(key);
  }

  /** Keeps what was fetched, where the board does not know better. */
  keep(ticket: Ticket): void {
    if (this.#replica.keep(ticket)) this.touch(ticket.id);
  }

  /** The first active tickets that match, in no particular order. */
  find(matches: (ticket: Ticket) => boolean, limit: number): Ticket[] {
    const found: Ticket[] = [];
    for (const ticket of this.#active()) {
      if (!matches(ticket)) continue;
      found.push(ticket);
      if (found.length === limit) break;
    }
    return found;
  }

  /** Every active ticket, in no particular order. */
  all(): Iterable<Ticket> {
    return this.#active();
  }

  /** The ticket, or what the user asked of it, is another one now. */
  touch(id: number): void {
    const base = this.#replica.get(id);
    const overlay = base === undefined ? null : this.#overlay(id);
    if (base !== undefined && overlay !== null) this.#merged.set(id, { ...base, ...overlay });
    else this.#merged.delete(id);
    this.#place(id);
    this.#dirty.add(id);
    this.#schedule();
  }

  /** Every ticket may be another one now. */
  reset(overlaid: Iterable<number>): void {
    this.#merged.clear();
    this.#snoozed.clear();
    for (const id of overlaid) {
      const base = this.#replica.get(id);
      const overlay = this.#overlay(id);
      if (base !== undefined && overlay !== null) this.#merged.set(id, { ...base, ...overlay });
    }
    const now = this.#clock.now();
    for (const view of this.#views.values()) view.rebuild(this.#active(), now);
    for (const ticket of this.#active()) this.#remember(ticket);
    this.#alarm();
    this.#allDirty = true;
    this.#schedule();
  }

  *#active(): Iterable<Ticket> {
    for (const base of this.#replica.board()) {
      const ticket = this.#merged.get(base.id) ?? base;
      if (ticket.status !== "closed") yield ticket;
    }
  }

  #place(id: number): void {
    const ticket = this.get(id);
    const now = this.#clock.now();
    const active = this.#replica.isActive(id) && ticket?.status !== "closed" ? ticket : undefined;
    for (const view of this.#views.values()) view.place(id, active, now);
    if (active) this.#remember(active);
    else this.#snoozed.delete(id);
    if (this.#snoozed.size > 0) this.#alarm();
  }

  #remember(ticket: Ticket): void {
    if (ticket.snoozed_until === null || ticket.snoozed_until === undefined) {
      this.#snoozed.delete(ticket.id);
      return;
    }
    const wakesAt = Date.parse(ticket.snoozed_until);
    if (wakesAt > this.#clock.now()) this.#snoozed.set(ticket.id, wakesAt);
    else this.#snoozed.delete(ticket.id);
  }

  /** A snooze ends without a record, so the ticket is put in its new place when its time comes. */
  #alarm(): void {
    this.#stopAlarm();
    let next = Number.POSITIVE_INFINITY;
    for (const wakesAt of this.#snoozed.values()) next = Math.min(next, wakesAt);
    if (next === Number.POSITIVE_INFINITY) return;
    // A timer holds 31 bits of milliseconds; a day is as good as the whole way.
    const delayMs = Math.min(Math.max(next - this.#clock.now(), 0), 86_400_000) + 1;
    this.#stopAlarm = this.#clock.after(delayMs, () => {
      const now = this.#clock.now();
      for (const [id, wakesAt] of [...this.#snoozed]) {
        if (wakesAt <= now) {
          this.#snoozed.delete(id);
          this.touch(id);
        }
      }
      this.#alarm();
    });
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const sinceLast = this.#clock.now() - this.#lastFlush;
    if (sinceLast >= FRAME_MS) queueMicrotask(() => this.flush());
    else this.#clock.after(FRAME_MS - sinceLast, () => this.flush());
  }

  /** Tells everybody now. */
  flush(): void {
    this.#scheduled = false;
    this.#lastFlush = this.#clock.now();
    const all = this.#allDirty;
    const ids = all ? [...this.#listeners.keys()] : [...this.#dirty];
    this.#allDirty = false;
    this.#dirty.clear();
    for (const view of this.#views.values()) view.publish();
    for (const id of ids) {
      const listeners = this.#listeners.get(id);
      if (listeners) for (const listener of [...listeners]) listener();
    }
  }
}
