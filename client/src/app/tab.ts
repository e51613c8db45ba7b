import { newId } from "@/desk/new-id";
import { browserClock, type Cancel, type Clock } from "@/sync/clock";
import { outboxPrefix } from "@/sync/desk-sync";
import { type Storage, webStorage } from "@/sync/storage";

const KEY = "hotdesk.tab";
const BEAT_MS = 20_000;
/** A tab that nobody looks at may run its timers once a minute. */
const GONE_AFTER_MS = 180_000;

/** The tabs of this browser that are open, by name. */
export interface Tabs {
  /** Holds the name until this tab is gone; answers false when another tab has it. */
  take(client: string): Promise<boolean>;
  isGone(client: string): Promise<boolean>;
}

export function browserTabs(): Tabs {
  // There are locks only where the page came over https or from this machine.
  return "locks" in navigator
    ? tabsByLock(navigator.locks)
    : tabsByBeat(webStorage(window.localStorage, window), browserClock, window);
}

function nameOf(client: string): string {
  return `hotdesk.tab.${client}`;
}

function tabsByLock(locks: LockManager): Tabs {
  return {
    take: (client) =>
      new Promise((resolve) => {
        void locks.request(nameOf(client), { ifAvailable: true }, (lock) => {
          resolve(lock !== null);
          return lock === null ? undefined : new Promise<void>(() => {});
        });
      }),
    isGone: (client) => locks.request(nameOf(client), { ifAvailable: true }, (lock) => lock !== null),
  };
}

/**
 * Each tab writes down that it is there, every few seconds. One that slept is taken for gone: what it left unsent is
 * then sent by two, under the same ids, and done once.
 */
export function tabsByBeat(
  storage: Storage,
  clock: Clock,
  page: Pick<EventTarget, "addEventListener">,
): Tabs {
  const isGone = (client: string) => {
    const at = Number(storage.get(nameOf(client)) ?? Number.NEGATIVE_INFINITY);
    return !(Math.abs(clock.now() - at) < GONE_AFTER_MS);
  };
  return {
    async take(client) {
      if (!isGone(client)) return false;
      let stop: Cancel = () => {};
      const beat = () => {
        stop();
        storage.set(nameOf(client), String(clock.now()));
        stop = clock.after(BEAT_MS, beat);
      };
      beat();
      page.addEventListener("pagehide", () => {
        stop();
        storage.remove(nameOf(client));
      });
      // Back out of the browser's memory.
      page.addEventListener("pageshow", beat);
      return true;
    },
    isGone: async (client) => isGone(client),
  };
}

let named: Promise<string> | undefined;

/** Found once: signing out and in again leaves the name, and what is unsent under it, to this tab. */
export function thisTab(): Promise<string> {
  named ??= nameThisTab(browserTabs(), webStorage(window.sessionStorage, window));
  return named;
}

/**
 * This tab's name, stable over reloads. A duplicated tab gets a copy of its twin's session storage, so the name is
 * only ours while we hold it.
 */
export async function nameThisTab(tabs: Tabs, session: Storage): Promise<string> {
  const before = session.get(KEY);
  if (before !== null && (await tabs.take(before))) return before;
  const fresh = newId();
  session.set(KEY, fresh);
  await tabs.take(fresh);
  return fresh;
}

/** The outboxes of tabs that are gone: what they left unsent is this user's, and somebody must send it. */
export async function orphanedOutboxes(
  tabs: Tabs,
  storage: Storage,
  user: string,
  client: string,
): Promise<string[]> {
  const prefix = outboxPrefix(user);
  const orphans: string[] = [];
  for (const key of storage.keys()) {
    if (!key.startsWith(prefix) || key === prefix + client) continue;
    if (await tabs.isGone(key.slice(prefix.length))) orphans.push(key);
  }
  return orphans;
}
