import { Cell } from "@/sync/cell";
import type { Storage } from "@/sync/storage";

export interface SavedView {
  id: string;
  name: string;
  /** The view that it narrows, and the filters as an address says them. */
  base: string;
  search: string;
}

/** Views that this user has made. The server has no place for them yet, so they stay in this browser. */
export class SavedViews {
  readonly all: Cell<readonly SavedView[]>;
  readonly #storage: Storage;
  readonly #key: string;

  constructor(storage: Storage, user: string) {
    this.#storage = storage;
    this.#key = `hotdesk.views.${user}`;
    this.all = new Cell(read(storage.get(this.#key)));
  }

  find(id: string): SavedView | undefined {
    return this.all.get().find((view) => view.id === id);
  }

  add(view: SavedView): void {
    this.#set([...this.all.get().filter((other) => other.id !== view.id), view]);
  }

  remove(id: string): void {
    this.#set(this.all.get().filter((view) => view.id !== id));
  }

  #set(views: readonly SavedView[]): void {
    this.all.set(views);
    this.#storage.set(this.#key, JSON.stringify(views));
  }
}

function read(text: string | null): readonly SavedView[] {
  if (text === null) return [];
  try {
    const views = JSON.parse(text) as SavedView[];
    return Array.isArray(views) ? views.filter((view) => typeof view.id === "string") : [];
  } catch {
    return [];
  }
}
