import type { PresenceState, PresentUser } from "@/protocol/types";
import { Cell, type Unsubscribe } from "./cell";
import type { Cancel, Clock } from "./clock";

const NOBODY: readonly PresentUser[] = [];
/** A writer who stops for this long only looks. */
const TYPING_IDLE_MS = 4_000;

/** Who is where, as the server last said it, and where this tab tells the server that its user is. */
export class Presence {
  readonly #users = new Map<number, readonly PresentUser[]>();
  readonly #listeners = new Map<number, Set<() => void>>();
  readonly #me: string;
  readonly #clock: Clock;
  readonly #say: (ticket: number, state: PresenceState) => void;
  /** Grows whenever anybody is somewhere else. */
  readonly turn = new Cell(0);
  #here: { ticket: number; state: PresenceState } | null = null;
  #stopTyping: Cancel = () => {};

  constructor(me: string, clock: Clock, say: (ticket: number, state: PresenceState) => void) {
    this.#me = me;
    this.#clock = clock;
    this.#say = say;
  }

  /** The others on this ticket. */
  readonly on = (ticket: number): readonly PresentUser[] => this.#users.get(ticket) ?? NOBODY;

  /** What each of the others does, wherever that is: who writes anywhere writes. */
  states(): ReadonlyMap<string, PresenceState> {
    const states = new Map<string, PresenceState>();
    for (const users of this.#users.values()) {
      for (const { user, state } of users) {
        if (state === "typing" || !states.has(user)) states.set(user, state);
      }
    }
    return states;
  }

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

  heard(ticket: number, users: PresentUser[]): void {
    const others = users.filter((user) => user.user !== this.#me && user.state !== "away");
    if (others.length === 0) this.#users.delete(ticket);
    else this.#users.set(ticket, others);
    this.#tell(ticket);
  }

  /** The line is gone, and with it what we knew of others. */
  forget(): void {
    const tickets = [...this.#users.keys()];
    this.#users.clear();
    for (const ticket of tickets) this.#tell(ticket);
  }

  /** A new line knows nothing of us yet. */
  repeat(): void {
    if (this.#here !== null) this.#say(this.#here.ticket, this.#here.state);
  }

  look(ticket: number): void {
    this.#leaveUnless(ticket);
    this.#be(ticket, "viewing");
  }

  leave(ticket: number): void {
    if (this.#here?.ticket !== ticket) return;
    this.#stopTyping();
    this.#here = null;
    this.#say(ticket, "away");
  }

  /** Call at every key; the server hears of it once. */
  type(ticket: number): void {
    this.#leaveUnless(ticket);
    this.#be(ticket, "typing");
    this.#stopTyping();
    this.#stopTyping = this.#clock.after(TYPING_IDLE_MS, () => {
      if (this.#here?.ticket === ticket) this.#be(ticket, "viewing");
    });
  }

  #leaveUnless(ticket: number): void {
    if (this.#here !== null && this.#here.ticket !== ticket) this.leave(this.#here.ticket);
  }

  #be(ticket: number, state: PresenceState): void {
    if (this.#here?.ticket === ticket && this.#here.state === state) return;
    this.#here = { ticket, state };
    this.#say(ticket, state);
  }

  #tell(ticket: number): void {
    this.turn.set(this.turn.get() + 1);
    const listeners = this.#listeners.get(ticket);
    if (listeners) for (const listener of [...listeners]) listener();
  }
}
