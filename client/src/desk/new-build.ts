import { Cell } from "@/sync/cell";
import type { Cancel, Clock } from "@/sync/clock";

const LOOK_EVERY_MS = 1_000;

export interface NewBuildHost {
  /** What the server runs now; null where it does not say. */
  ask(): Promise<string | null>;
  /** Whether nobody would notice a reload just now. */
  quiet(): boolean;
  reload(): void;
}

/**
 * Notices that the server runs another build than the one that this page came from, and loads the page anew at a quiet
 * moment. Until then everything goes on: one build of difference is understood on both sides.
 */
export class NewBuild {
  readonly #own: string | null;
  readonly #host: NewBuildHost;
  readonly #clock: Clock;
  #stop: Cancel | null = null;
  #asking = false;
  /** There is a newer one. */
  readonly waiting = new Cell(false);

  constructor(own: string | null, host: NewBuildHost, clock: Clock) {
    this.#own = own;
    this.#host = host;
    this.#clock = clock;
  }

  /** The line is open again: the server on its other end may be a new one. */
  async lineOpened(): Promise<void> {
    if (this.#own === null || this.#asking || this.waiting.get()) return;
    this.#asking = true;
    const build = await this.#host.ask().catch(() => null);
    this.#asking = false;
    if (build === null || build === this.#own) return;
    this.waiting.set(true);
    this.#look();
  }

  leave(): void {
    this.#stop?.();
    this.#stop = null;
  }

  #look(): void {
    if (this.#host.quiet()) {
      this.#host.reload();
      return;
    }
    this.#stop = this.#clock.after(LOOK_EVERY_MS, () => this.#look());
  }
}
