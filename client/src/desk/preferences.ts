import type { Macro, Preferences, PreferencesView, SavedView } from "@/protocol/types";
import { Cell, Happening } from "@/sync/cell";
import type { Cancel, Clock } from "@/sync/clock";
import { asProblem, type ProblemError } from "@/sync/problem-error";
import type { Storage } from "@/sync/storage";

const PUSH_AFTER_MS = 400;
const AGAIN_MS = 15_000;

export const NO_PREFERENCES: Preferences = { shortcuts: {}, views: [], macros: [] };

export interface PreferencesApi {
  preferences(): Promise<PreferencesView>;
  putPreferences(preferences: Preferences, version: number): Promise<PreferencesView>;
}

interface Kept {
  version: number;
  /** As the server had them. */
  saved: Preferences;
  /** As this user wants them; until the server has them too, they differ. */
  wanted: Preferences;
}

/**
 * How this user likes the desk, in every browser. What is changed here counts at once and goes to the server in a moment;
 * what another browser changed meanwhile is joined with it, field by field and view by view.
 */
export class PreferencesStore {
  readonly now: Cell<Preferences>;
  /** The server did not take them. */
  readonly refused = new Happening<ProblemError>();
  readonly #storage: Storage;
  readonly #key: string;
  readonly #api: PreferencesApi;
  readonly #clock: Clock;
  #kept: Kept;
  #timer: Cancel = () => {};
  #busy = false;

  /** `otherwise` stands for what nobody ever set; `before` is what this browser kept before the server had a place for it. */
  constructor(
    parts: { storage: Storage; user: string; api: PreferencesApi; clock: Clock },
    otherwise: Preferences = NO_PREFERENCES,
    before: Preferences | null = null,
  ) {
    this.#storage = parts.storage;
    this.#key = `hotdesk.preferences.${parts.user}`;
    this.#api = parts.api;
    this.#clock = parts.clock;
    const known = read(parts.storage.get(this.#key));
    this.#kept = known ?? { version: 0, saved: otherwise, wanted: before ?? otherwise };
    this.now = new Cell(this.#kept.wanted);
    if (known === null && before !== null) this.#keep(this.#kept);
  }

  /** Undefined takes a choice back. */
  change(change: { [K in keyof Preferences]?: Preferences[K] | undefined }): void {
    const wanted = JSON.parse(JSON.stringify({ ...this.#kept.wanted, ...change })) as Preferences;
    if (same(wanted, this.#kept.wanted)) return;
    this.#keep({ ...this.#kept, wanted });
    this.#later(PUSH_AFTER_MS);
  }

  /** Asks what other browsers did, and tells what this one did. Never rejects. */
  async refresh(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    this.#timer();
    try {
      const theirs = await this.#api.preferences();
      if (theirs.version > 0) this.#join(theirs);
      await this.#push();
    } catch (error) {
      this.#failed(asProblem(error));
    } finally {
      this.#busy = false;
    }
    if (this.#isUnsaved && this.#mayTryAgain) this.#later(AGAIN_MS);
  }

  stop(): void {
    this.#timer();
  }

  #mayTryAgain = true;

  get #isUnsaved(): boolean {
    return !same(this.#kept.saved, this.#kept.wanted);
  }

  async #push(): Promise<void> {
    while (this.#isUnsaved) {
      const { wanted, version } = this.#kept;
      try {
        const { version: now, preferences } = await this.#api.putPreferences(wanted, version);
        this.#keep({
          version: now,
          saved: preferences,
          wanted: merged(wanted, this.#kept.wanted, preferences),
        });
      } catch (error) {
        if (asProblem(error).code !== "version_conflict") throw error;
        this.#join(await this.#api.preferences());
      }
    }
  }

  #join(theirs: PreferencesView): void {
    const { saved, wanted } = this.#kept;
    const { version, preferences } = theirs;
    this.#keep({ version, saved: preferences, wanted: merged(saved, wanted, preferences) });
  }

  #failed(problem: ProblemError): void {
    this.#mayTryAgain = problem.retryable;
    if (!problem.retryable && problem.status !== 401) this.refused.emit(problem);
  }

  #keep(kept: Kept): void {
    this.#kept = kept;
    this.#mayTryAgain = true;
    this.#storage.set(this.#key, JSON.stringify(kept));
    if (!same(this.now.get(), kept.wanted)) this.now.set(kept.wanted);
  }

  #later(ms: number): void {
    this.#timer();
    this.#timer = this.#clock.after(ms, () => void this.refresh());
  }
}

/** What came of `base` here and there: whoever changed something has it; where both did, what was wanted here stands. */
export function merged(base: Preferences, mine: Preferences, theirs: Preferences): Preferences {
  const one = <K extends keyof Preferences>(key: K): Preferences[K] =>
    same(mine[key], base[key]) ? theirs[key] : mine[key];
  const result: Preferences = {
    shortcuts: { ...theirs.shortcuts },
    views: joined<SavedView>(base.views, mine.views, theirs.views),
    macros: joined<Macro>(base.macros, mine.macros, theirs.macros),
  };
  for (const action of new Set([...Object.keys(base.shortcuts), ...Object.keys(mine.shortcuts)])) {
    const keys = mine.shortcuts[action];
    if (keys === base.shortcuts[action]) continue;
    if (keys === undefined) delete result.shortcuts[action];
    else result.shortcuts[action] = keys;
  }
  const appearance = one("appearance");
  const density = one("density");
  const language = one("language");
  return {
    ...result,
    ...(appearance === undefined ? {} : { appearance }),
    ...(density === undefined ? {} : { density }),
    ...(language === undefined ? {} : { language }),
  };
}

function joined<T extends { id: string }>(base: readonly T[], mine: readonly T[], theirs: readonly T[]): T[] {
  const before = new Map(base.map((item) => [item.id, item]));
  const kept = new Map(mine.map((item) => [item.id, item]));
  const result = theirs.flatMap((item) => {
    const own = kept.get(item.id);
    if (own === undefined) return before.has(item.id) ? [] : [item];
    return [same(own, before.get(item.id)) ? item : own];
  });
  const there = new Set(theirs.map((item) => item.id));
  const added = mine.filter((item) => !there.has(item.id) && !same(item, before.get(item.id)));
  return [...result, ...added];
}

/** Values of JSON, whatever order their fields have. */
function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  for (const key of keys) {
    if (!same((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key])) return false;
  }
  return true;
}

function read(text: string | null): Kept | null {
  if (text === null) return null;
  try {
    const kept = JSON.parse(text) as Kept;
    const whole = (preferences: Preferences | undefined) =>
      Array.isArray(preferences?.views) && Array.isArray(preferences.macros);
    return whole(kept.saved) && whole(kept.wanted) && typeof kept.version === "number" ? kept : null;
  } catch {
    return null;
  }
}
