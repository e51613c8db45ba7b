import { newId } from "@/desk/new-id";
import { outboxPrefix } from "@/sync/desk-sync";
import type { Storage } from "@/sync/storage";

const KEY = "hotdesk.tab";

function lockName(client: string): string {
  return `hotdesk.tab.${client}`;
}

/** Holds the lock until the tab is gone; answers false when another tab has it. */
async function take(client: string): Promise<boolean> {
  if (!("locks" in navigator)) return true;
  return new Promise((resolve) => {
    void navigator.locks.request(lockName(client), { ifAvailable: true }, (lock) => {
      resolve(lock !== null);
      return lock === null ? undefined : new Promise<void>(() => {});
    });
  });
}

/**
 * This tab's name, stable over reloads. A duplicated tab gets a copy of its twin's session storage, so the name is
 * only ours while we hold its lock.
 */
export async function nameThisTab(): Promise<string> {
  const before = sessionStorage.getItem(KEY);
  if (before !== null && (await take(before))) return before;
  const fresh = newId();
  sessionStorage.setItem(KEY, fresh);
  await take(fresh);
  return fresh;
}

/** The outboxes of tabs that are gone: what they left unsent is this user's, and somebody must send it. */
export async function orphanedOutboxes(storage: Storage, user: string, client: string): Promise<string[]> {
  if (!("locks" in navigator)) return [];
  const prefix = outboxPrefix(user);
  const orphans: string[] = [];
  for (const key of storage.keys()) {
    if (!key.startsWith(prefix) || key === prefix + client) continue;
    const free = await navigator.locks.request(
      lockName(key.slice(prefix.length)),
      { ifAvailable: true },
      (lock) => lock !== null,
    );
    if (free) orphans.push(key);
  }
  return orphans;
}
