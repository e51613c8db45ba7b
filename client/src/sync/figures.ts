import type { LiveChange, LiveFigures } from "@/protocol/types";
import { Cell, type Unsubscribe } from "./cell";

/** The figures whose entries change one by one; all others come whole. */
const MAPS = ["teams", "categories", "priorities", "channels", "tags", "agents"] as const;

/** The figures after a frame, as docs/PROTOCOL.md tells it. */
export function withChange(before: LiveFigures | null, { whole, ...frame }: LiveChange): LiveFigures {
  const base = whole === true || before === null ? ({} as LiveFigures) : before;
  const after: Record<string, unknown> = { ...base, ...frame };
  for (const name of MAPS) {
    const entries: Record<string, unknown> = { ...base[name], ...frame[name] };
    for (const [entry, value] of Object.entries(entries)) if (value === null) delete entries[entry];
    after[name] = entries;
  }
  return after as unknown as LiveFigures;
}

/** The live figures, followed for as long as somebody looks at them. */
export class Figures {
  readonly state = new Cell<LiveFigures | null>(null);
  readonly #follow: (wanted: boolean) => void;
  #watchers = 0;

  /** `follow` subscribes to the topic, or ends it. */
  constructor(follow: (wanted: boolean) => void) {
    this.#follow = follow;
  }

  get wanted(): boolean {
    return this.#watchers > 0;
  }

  /** Somebody looks; the answer ends it. */
  watch(): Unsubscribe {
    this.#watchers += 1;
    if (this.#watchers === 1) this.#follow(true);
    let watching = true;
    return () => {
      if (!watching) return;
      watching = false;
      this.#watchers -= 1;
      if (this.#watchers > 0) return;
      this.#follow(false);
      // What nobody follows grows old.
      this.state.set(null);
    };
  }

  heard(frame: LiveChange): void {
    // The first frame after a subscription is whole; a part without its whole says nothing.
    if (this.wanted && (frame.whole === true || this.state.get() !== null))
      this.state.set(withChange(this.state.get(), frame));
  }

  /** What a call gave where no topic can be had. */
  told(figures: LiveFigures): void {
    const now = this.state.get();
    if (this.wanted && (now === null || figures.seq >= now.seq)) this.state.set(figures);
  }
}
