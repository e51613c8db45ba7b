import type { SavedView } from "@/protocol/types";
import { Collection, type Kind, type Owned } from "./collection";
import type { PreferencesStore } from "./preferences";
import type { SharedStore } from "./shared";

/** A view that narrows another one. */
export type View = Owned<SavedView>;
export type SavedViews = Collection<SavedView>;

const VIEWS: Kind<SavedView> = {
  own: (preferences) => preferences.views,
  change: (views) => ({ views }),
  read: ({ id, kind, name, base, search }) =>
    kind === "view" && base !== undefined ? { id, name, base, search: search ?? "" } : null,
  write: ({ name, base, search }) => ({ kind: "view", name, base, search }),
  kept: ({ id, name, base, search }) => ({ id, name, base, search }),
};

/** Views of one's own and those that are shared, each under an id that only it has. */
export function savedViews(preferences: PreferencesStore, shared: SharedStore): SavedViews {
  return new Collection(VIEWS, preferences, shared);
}
