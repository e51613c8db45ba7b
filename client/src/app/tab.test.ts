import { beforeEach, describe, expect, test } from "vitest";
import { outboxKey } from "@/sync/desk-sync";
import { memoryStorage } from "@/sync/storage";
import { ManualClock } from "@/sync/testing/manual-clock";
import { nameThisTab, orphanedOutboxes, tabsByBeat } from "./tab";

let clock: ManualClock;
let local: Map<string, string>;

beforeEach(() => {
  clock = new ManualClock();
  local = new Map();
});

/** A tab of a browser without locks; a copy of another one's session is what a duplicated tab begins with. */
async function open(session = new Map<string, string>()) {
  const page = new EventTarget();
  const storage = memoryStorage(local);
  const tabs = tabsByBeat(storage, clock, page);
  const name = await nameThisTab(tabs, memoryStorage(session));
  return {
    name,
    session,
    storage,
    close: () => page.dispatchEvent(new Event("pagehide")),
    orphans: () => orphanedOutboxes(tabs, storage, "ada", name),
  };
}

describe("C11: tabs of a browser that has no locks, as over plain http", () => {
  test("have names of their own, which they keep over a reload", async () => {
    const first = await open();
    const twin = await open(new Map(first.session));
    expect(twin.name).not.toBe(first.name);
    first.close();
    expect((await open(first.session)).name).toBe(first.name);
  });

  test("send what a closed one left unsent, and leave it to one that is open", async () => {
    const first = await open();
    const second = await open();
    const left = outboxKey("ada", first.name);
    first.storage.set(left, "[]");
    await clock.advance(600_000);
    expect(await second.orphans()).toEqual([]);
    first.close();
    expect(await second.orphans()).toEqual([left]);
  });

  test("hear of one that died without a word", async () => {
    const storage = memoryStorage(local);
    const left = outboxKey("ada", "dead");
    storage.set(left, "[]");
    storage.set("hotdesk.tab.dead", String(clock.now()));
    const tab = await open();
    expect(await tab.orphans()).toEqual([]);
    await clock.advance(180_000);
    expect(await tab.orphans()).toEqual([left]);
  });
});
