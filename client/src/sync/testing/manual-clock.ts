import type { Cancel, Clock } from "../clock";

interface Timer {
  at: number;
  id: number;
  run: () => void;
}

/** Time that moves only when a test says so, and chance from a seed. */
export class ManualClock implements Clock {
  #now = Date.UTC(2026, 0, 5, 9);
  #nextId = 0;
  readonly #timers: Timer[] = [];
  readonly #chance: () => number;

  constructor(seed = 1) {
    this.#chance = seeded(seed);
  }

  now(): number {
    return this.#now;
  }

  random(): number {
    return this.#chance();
  }

  after(delayMs: number, run: () => void): Cancel {
    this.#nextId += 1;
    const timer = { at: this.#now + Math.max(0, delayMs), id: this.#nextId, run };
    this.#timers.push(timer);
    return () => {
      const at = this.#timers.indexOf(timer);
      if (at >= 0) this.#timers.splice(at, 1);
    };
  }

  /** Runs every timer that falls due on the way, and what their promises lead to. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await promisesSettled();
    for (;;) {
      let next: Timer | undefined;
      for (const timer of this.#timers) {
        if (
          timer.at <= end &&
          (!next || timer.at < next.at || (timer.at === next.at && timer.id < next.id))
        ) {
          next = timer;
        }
      }
      if (!next) break;
      this.#timers.splice(this.#timers.indexOf(next), 1);
      this.#now = next.at;
      next.run();
      await promisesSettled();
    }
    this.#now = end;
  }
}

/** Chains of a few promises, as our own code builds them; no real time passes. */
export async function promisesSettled(): Promise<void> {
  for (let turn = 0; turn < 12; turn += 1) await Promise.resolve();
}

/** mulberry32: https://gist.github.com/tommyettinger/46a874533244883189143505d203312c, public domain. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
