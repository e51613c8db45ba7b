import type { Macro, Preferences, SavedView } from "@/protocol/types";
import type { Storage } from "@/sync/storage";

/**
 * What this browser kept for its user before the server had a place for it, and nothing of it from then on: it is taken
 * over once.
 */
export function takeOver(storage: Storage, user: string): Preferences | null {
  const views = list<SavedView>(storage.get(`hotdesk.views.${user}`));
  const macros = list<Macro>(storage.get(`hotdesk.macros.${user}`));
  storage.remove(`hotdesk.views.${user}`);
  storage.remove(`hotdesk.macros.${user}`);
  if (views === null && macros === null) return null;
  return { shortcuts: {}, views: views ?? [], macros: macros ?? [] };
}

function list<T extends { id: string }>(text: string | null): T[] | null {
  if (text === null) return null;
  try {
    const items = JSON.parse(text) as T[];
    return Array.isArray(items) ? items.filter((item) => typeof item.id === "string") : null;
  } catch {
    return null;
  }
}
