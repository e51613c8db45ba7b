/** Where things that must survive a reload lie: `localStorage` in a browser, a map in a test. */
export interface Storage {
  get(key: string): string | null;
  /** False when the browser refuses (full, or forbidden): the caller goes on without. */
  set(key: string, value: string): boolean;
  remove(key: string): void;
  keys(): string[];
}

export function webStorage(area: globalThis.Storage): Storage {
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
  };
}

export function memoryStorage(content: Map<string, string> = new Map()): Storage {
  return {
    get: (key) => content.get(key) ?? null,
    set: (key, value) => {
      content.set(key, value);
      return true;
    },
    remove: (key) => {
      content.delete(key);
    },
    keys: () => [...content.keys()],
  };
}
