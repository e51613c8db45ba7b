import type { Cancel, Clock } from "@/sync/clock";

const EVERY_MS = 300_000;

/** What the app is used for, gathered here and told now and then as sums. Names and texts are never among them. */
export class Usage {
  readonly #tell: (counts: Record<string, number>) => void;
  readonly #clock: Clock;
  #counts: Record<string, number> = {};
  #timer: Cancel | null = null;

  /** Without `tell` nothing is counted: the desk does not want it. */
  constructor(tell: ((counts: Record<string, number>) => void) | null, clock: Clock) {
    this.#clock = clock;
    this.#tell = tell ?? (() => {});
    if (tell === null) this.count = () => {};
  }

  count = (kind: "screen" | "command" | "key", what: string): void => {
    const name = `${kind}:${
      what
        .toLowerCase()
        .replace(/[^a-z0-9_-]/g, "-")
        .slice(0, 40) || "home"
    }`;
    this.#counts[name] = (this.#counts[name] ?? 0) + 1;
    this.#timer ??= this.#clock.after(EVERY_MS, () => this.flush());
  };

  flush(): void {
    this.#timer?.();
    this.#timer = null;
    const counts = this.#counts;
    if (Object.keys(counts).length === 0) return;
    this.#counts = {};
    this.#tell(counts);
  }
}
