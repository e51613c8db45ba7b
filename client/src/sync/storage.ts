import type { Unsubscribe } from "./cell";

/** Where things that must survive a reload lie: `localStorage` in a browser, a map in a test. */
export interface Storage {
  get(key: string): string | null;
  /** False when the browser refuses (full, or forbidden): the caller goes on without. */
  set(key: string, value: string): boolean;
  remove(key: string): void;
  keys(): string[];
  /** Names each key that another tab changed, after it has; null for all of them. */
  elsewhere(listener: (key: string | null) => void): Unsubscribe;
}

type Page = Pick<Window, "addEventListener" | "removeEventListener">;

export function webStorage(area: globalThis.Storage, page: Page): Storage {
  return {
    get: (key) => area.getItem(key),
    set: (key, value) => {
      try {
        area.setItem(key, value);
        return true;
      } catch {
        return false;
      }
    },
    remove: (key) => area.removeItem(key),
    keys: () => Object.keys(area),
    elsewhere: (listener) => {
      const heard = (event: StorageEvent) => {
        if (event.storageArea === area) listener(event.key);
      };
      page.addEventListener("storage", heard);
      return () => page.removeEventListener("storage", heard);
    },
  };
}

const tabs = new WeakMap<Map<string, string>, Set<(key: string, from: Storage) => void>>();

/** Those over one map are the tabs of one browser. */
export function memoryStorage(content: Map<string, string> = new Map()): Storage {
  const listeners = tabs.get(content) ?? new Set();
  tabs.set(content, listeners);
  const changed = (key: string) => {
    for (const listener of [...listeners]) listener(key, storage);
  };
  const storage: Storage = {
    get: (key) => content.get(key) ?? null,
    set: (key, value) => {
      content.set(key, value);
      changed(key);
      return true;
    },
    remove: (key) => {
      if (content.delete(key)) changed(key);
    },
    keys: () => [...content.keys()],
    elsewhere: (listener) => {
      const heard = (key: string, from: Storage) => {
        if (from !== storage) listener(key);
      };
      listeners.add(heard);
      return () => listeners.delete(heard);
    },
  };
  return storage;
}
