import { describe, expect, test } from "vitest";
import type { Preferences } from "@/protocol/types";
import { memoryStorage, type Storage } from "@/sync/storage";
import { ManualClock, promisesSettled } from "@/sync/testing/manual-clock";
import { merged, NO_PREFERENCES, PreferencesStore } from "./preferences";
import { takeOver } from "./preferences-before";
import { serverOf } from "./testing/preferences-server";

const view = (id: string, name = id) => ({ id, name, base: "open", search: "" });

function browser(api: ReturnType<typeof serverOf>, storage: Storage = memoryStorage()) {
  const clock = new ManualClock();
  const store = new PreferencesStore(
    { storage, user: "ada", api, clock },
    NO_PREFERENCES,
    takeOver(storage, "ada"),
  );
  return {
    store,
    storage,
    later: async (ms = 20_000) => {
      await clock.advance(ms);
      await promisesSettled();
    },
  };
}

describe("C60: preferences", () => {
  test("go to the server in a moment, and from there to another browser", async () => {
    const server = serverOf();
    const one = browser(server);
    await one.store.refresh();
    expect(server.puts).toBe(0);
    one.store.change({ appearance: "dark" });
    one.store.change({ views: [view("a")] });
    await one.later();
    expect(server.view).toEqual({
      version: 1,
      preferences: { ...NO_PREFERENCES, appearance: "dark", views: [view("a")] },
    });
    const other = browser(server);
    await other.store.refresh();
    expect(other.store.now.get()).toEqual(server.view.preferences);
    expect(server.puts).toBe(1);
  });

  test("of two browsers that changed different things, both stand", async () => {
    const server = serverOf({ ...NO_PREFERENCES, views: [view("a"), view("b")] }, 3);
    const one = browser(server);
    const two = browser(server);
    await one.store.refresh();
    await two.store.refresh();
    one.store.change({ views: [view("a", "renamed"), view("b"), view("c")] });
    two.store.change({ views: [view("a")], density: "compact" });
    await one.later();
    await two.later();
    expect(server.view.preferences).toEqual({
      ...NO_PREFERENCES,
      density: "compact",
      views: [view("a", "renamed"), view("c")],
    });
    await one.store.refresh();
    expect(one.store.now.get()).toEqual(server.view.preferences);
  });

  test("are kept over a reload without the server, and sent once it is back", async () => {
    const server = serverOf();
    server.down = true;
    const storage = memoryStorage();
    const before = browser(server, storage);
    before.store.change({ appearance: "light" });
    await before.later(1_000);
    before.store.stop();
    const after = browser(server, storage);
    expect(after.store.now.get().appearance).toBe("light");
    server.down = false;
    await after.store.refresh();
    expect(server.view.preferences.appearance).toBe("light");
  });

  test("what was kept in the browser before is taken over once, beside what the server has", async () => {
    const storage = memoryStorage();
    storage.set("hotdesk.views.ada", JSON.stringify([view("old")]));
    const server = serverOf({ ...NO_PREFERENCES, views: [view("known")] }, 1);
    const first = browser(server, storage);
    await first.store.refresh();
    expect(server.view.preferences.views).toEqual([view("known"), view("old")]);
    expect(storage.get("hotdesk.views.ada")).toBeNull();
    first.store.change({ views: [view("known")] });
    await first.later();
    const second = browser(server, storage);
    await second.store.refresh();
    expect(server.view.preferences.views).toEqual([view("known")]);
  });

  test("a choice that is taken back is gone everywhere", () => {
    const mine: Preferences = { ...NO_PREFERENCES, shortcuts: {} };
    const base: Preferences = { ...NO_PREFERENCES, appearance: "dark", shortcuts: { r: "w" } };
    expect(merged(base, mine, { ...base, shortcuts: { r: "w", n: "b" } })).toEqual({
      ...NO_PREFERENCES,
      shortcuts: { n: "b" },
    });
  });
});
