import { expect, test } from "vitest";
import type { PutShared, Shared } from "@/protocol/types";
import { memoryStorage } from "@/sync/storage";
import { ManualClock } from "@/sync/testing/manual-clock";
import { ownerOf } from "./collection";
import { PreferencesStore } from "./preferences";
import { savedViews } from "./saved-views";
import { SharedStore } from "./shared";
import { serverOf } from "./testing/preferences-server";

/** Keeps what is shared, and refuses when it is told to. */
function shelf() {
  const kept = new Map<string, Shared>();
  return {
    kept,
    refuses: false,
    shared: async () => [...kept.values()],
    async putShared(id: string, body: PutShared) {
      if (this.refuses) throw new Error("refused");
      const one = { id, version: 1, created_at: "", updated_at: "", by: "sue", ...body } as Shared;
      kept.set(id, one);
      return one;
    },
    async removeShared(id: string) {
      if (this.refuses) throw new Error("refused");
      kept.delete(id);
    },
  };
}

function viewsOf(server: ReturnType<typeof shelf>) {
  const stores = { storage: memoryStorage(), user: "sue", api: serverOf(), clock: new ManualClock() };
  return savedViews(new PreferencesStore(stores), new SharedStore(server));
}

const urgent = { id: "v", name: "Urgent", base: "open", search: "?priority=urgent" };

test("C60: what gets another owner is with the new one alone, and is lost by no refusal on the way", async () => {
  const server = shelf();
  const views = viewsOf(server);
  const owners = () => views.all.get().map((view) => ownerOf(view));
  await views.put(urgent, "me");
  expect(owners()).toEqual(["me"]);

  server.refuses = true;
  await expect(views.put(urgent, "all")).rejects.toThrow("refused");
  expect(owners()).toEqual(["me"]);

  server.refuses = false;
  await views.put(urgent, "team-support");
  expect(owners()).toEqual(["team-support"]);
  expect(server.kept.get("v")).toMatchObject({ kind: "view", team: "support", search: "?priority=urgent" });

  await views.put({ ...urgent, name: "Hot" }, "all");
  expect(owners()).toEqual(["all"]);
  await views.put({ ...urgent, name: "Mine" }, "me");
  expect(views.all.get()).toEqual([{ ...urgent, name: "Mine" }]);
  expect(server.kept.size).toBe(0);
});

test("C60: a removed one can be put back where it was", async () => {
  const server = shelf();
  const views = viewsOf(server);
  await views.put(urgent, "all");
  const [before] = views.all.get();
  if (before === undefined) throw new Error("it is there");
  await views.remove(before);
  expect(views.all.get()).toEqual([]);
  await views.put(before, ownerOf(before));
  expect(views.all.get()).toEqual([before]);
});
