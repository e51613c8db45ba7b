import { useSyncExternalStore } from "react";
import { Cell } from "@/sync/cell";

/** One timer for all clocks on the screen, so that they move together; it rests while nobody looks. */
class Ticker {
  readonly #periodMs: number;
  readonly #now: Cell<number>;
  #watchers = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(periodMs: number) {
    this.#periodMs = periodMs;
    this.#now = new Cell(Date.now());
  }

  readonly get = (): number => this.#now.get();

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#watchers += 1;
    if (this.#watchers === 1) {
      this.#now.set(Date.now());
      this.#timer = setInterval(() => this.#now.set(Date.now()), this.#periodMs);
    }
    const stop = this.#now.subscribe(listener);
    return () => {
      stop();
      this.#watchers -= 1;
      if (this.#watchers === 0) clearInterval(this.#timer);
    };
  };
}

const seconds = new Ticker(1_000);
const quarterMinutes = new Ticker(15_000);

export function useNow(every: "second" | "quarter-minute"): number {
  const ticker = every === "second" ? seconds : quarterMinutes;
  return useSyncExternalStore(ticker.subscribe, ticker.get);
}
