import type { SavedView } from "@/protocol/types";
import { Cell } from "@/sync/cell";
import type { PreferencesStore } from "./preferences";
import type { SharedStore } from "./shared";

/** A view that narrows another one; `team` where it is not one's own: a team's id, or null for everybody. */
export interface View extends SavedView {
  shared?: { team: string | null };
}

/** Views of one's own and those that are shared, each under an id that only it has. */
export class SavedViews {
  readonly all: Cell<readonly View[]>;
  readonly #preferences: PreferencesStore;
  readonly #shared: SharedStore;

  constructor(preferences: PreferencesStore, shared: SharedStore) {
    this.#preferences = preferences;
    this.#shared = shared;
    this.all = new Cell(this.#listed());
    const list = () => this.all.set(this.#listed());
    preferences.now.subscribe(list);
    shared.all.subscribe(list);
  }

  #listed(): readonly View[] {
    const shared = this.#shared.all
      .get()
      .flatMap(({ id, kind, name, base, search, team }) =>
        kind === "view" && base !== undefined
          ? [{ id, name, base, search: search ?? "", shared: { team } }]
          : [],
      );
    return [...this.#preferences.now.get().views, ...shared];
  }

  add({ id, name, base, search }: SavedView): void {
    const others = this.#preferences.now.get().views.filter((other) => other.id !== id);
    this.#preferences.change({ views: [...others, { id, name, base, search }] });
  }

  remove(id: string): void {
    this.#preferences.change({ views: this.#preferences.now.get().views.filter((view) => view.id !== id) });
  }

  /** For a team, or with null for everybody. */
  async share({ id, name, base, search }: SavedView, team: string | null): Promise<void> {
    await this.#shared.put(id, { kind: "view", name, base, search, team });
  }

  async unshare(id: string): Promise<void> {
    await this.#shared.remove(id);
  }
}
