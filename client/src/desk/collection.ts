import type { Preferences, PutShared, Shared } from "@/protocol/types";
import { Cell } from "@/sync/cell";
import type { PreferencesStore } from "./preferences";
import type { SharedStore } from "./shared";

/** Whose something is: one's own, everybody's, or a team's. */
export type Owner = "me" | "all" | `team-${string}`;

/** `shared` where it is not one's own: a team's id, or null for everybody. */
export type Owned<T> = T & { shared?: { team: string | null } };

export function ownerOf({ shared }: Owned<unknown>): Owner {
  if (shared === undefined) return "me";
  return shared.team === null ? "all" : `team-${shared.team}`;
}

function teamOf(owner: Owner): string | null {
  return owner.startsWith("team-") ? owner.slice("team-".length) : null;
}

export type Item = { id: string; name: string; shared?: { team: string | null } };

/** Where things of one kind lie, and what of them is kept. */
export interface Kind<T> {
  own: (preferences: Preferences) => readonly T[];
  change: (own: T[]) => Partial<Preferences>;
  /** Null for what is shared of another kind. */
  read: (shared: Shared) => T | null;
  write: (item: T) => Omit<PutShared, "team">;
  /** Without what somebody else's hands may have hung on it. */
  kept: (item: T) => T;
}

/** Things of one kind: one's own, which lie with the preferences, and those that are shared. Refusals reject with a `ProblemError`. */
export class Collection<T extends Item> {
  readonly all: Cell<readonly Owned<T>[]>;
  readonly #kind: Kind<T>;
  readonly #preferences: PreferencesStore;
  readonly #shared: SharedStore;

  constructor(kind: Kind<T>, preferences: PreferencesStore, shared: SharedStore) {
    this.#kind = kind;
    this.#preferences = preferences;
    this.#shared = shared;
    this.all = new Cell(this.#listed());
    const list = () => this.all.set(this.#listed());
    preferences.now.subscribe(list);
    shared.all.subscribe(list);
  }

  #own(): readonly T[] {
    return this.#kind.own(this.#preferences.now.get());
  }

  #listed(): readonly Owned<T>[] {
    const shared = this.#shared.all.get().flatMap((one) => {
      const item = this.#kind.read(one);
      return item === null ? [] : [{ ...item, shared: { team: one.team } }];
    });
    return [...this.#own(), ...shared];
  }

  /** Makes or changes it. One that gets another owner leaves the old one once the new one has it. */
  async put(item: T, owner: Owner): Promise<void> {
    const before = this.all.get().find((other) => other.id === item.id);
    if (owner === "me") {
      const own = this.#own();
      const at = own.findIndex((other) => other.id === item.id);
      const kept = this.#kind.kept(item);
      this.#preferences.change(this.#kind.change(at < 0 ? [...own, kept] : own.with(at, kept)));
    } else {
      await this.#shared.put(item.id, { ...this.#kind.write(item), team: teamOf(owner) });
    }
    const moved = before !== undefined && (ownerOf(before) === "me") !== (owner === "me");
    if (moved) await this.remove(before);
  }

  async remove(item: Owned<T>): Promise<void> {
    if (item.shared !== undefined) await this.#shared.remove(item.id);
    else this.#preferences.change(this.#kind.change(this.#own().filter((other) => other.id !== item.id)));
  }
}
