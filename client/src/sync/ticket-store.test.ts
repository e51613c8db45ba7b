import { describe, expect, test, vi } from "vitest";
import type { Patch, Snapshot, Ticket } from "@/protocol/types";
import type { ViewSpec } from "./live-view";
import { Replica } from "./replica";
import { ManualClock, seeded } from "./testing/manual-clock";
import { record, ticket } from "./testing/tickets";
import { TicketStore } from "./ticket-store";

function stage(board: Ticket[]) {
  const clock = new ManualClock();
  const replica = new Replica();
  const overlays = new Map<number, Patch>();
  const store = new TicketStore(replica, (id) => overlays.get(id) ?? null, clock);
  replica.reset({ epoch: "e1", seq: 0, board, board_hash: "" } as Snapshot);
  store.reset([]);
  store.flush();
  return { clock, replica, overlays, store };
}

const open: ViewSpec = {
  key: "open",
  accepts: (candidate, now) =>
    candidate.status === "open" &&
    (candidate.snoozed_until === null || Date.parse(candidate.snoozed_until) <= now),
  compare: (a, b) => (a.priority < b.priority ? -1 : a.priority > b.priority ? 1 : 0),
};

describe("C16: views and counts", () => {
  test("tell their watchers when a ticket goes into another group, even in the same place", () => {
    const { replica, store } = stage([ticket({ id: 1, status: "new" })]);
    const view = store.view({
      key: "all",
      accepts: () => true,
      compare: () => 0,
      groupOf: (candidate) => candidate.status,
    });
    view.ids();
    const told = vi.fn();
    view.subscribe(told);
    replica.apply(record(1, 1, 2, { tags: ["late"] }));
    store.touch(1);
    store.flush();
    expect(told).not.toHaveBeenCalled();
    replica.apply(record(2, 1, 3, { status: "open" }));
    store.touch(1);
    store.flush();
    expect(told).toHaveBeenCalledOnce();
  });

  test("equal a fresh filter and sort after any changes", () => {
    const chance = seeded(3);
    const pick = <T>(from: readonly T[]): T => from[Math.floor(chance() * from.length)] as T;
    const statuses = ["new", "open", "open", "pending", "solved", "closed"] as const;
    const { replica, overlays, store } = stage([]);
    const view = store.view(open);
    view.ids();
    const versions = new Map<number, number>();
    for (let step = 1; step < 3_000; step += 1) {
      const id = 1 + Math.floor(chance() * 60);
      if (replica.get(id)?.status !== "closed") {
        const version = (versions.get(id) ?? 0) + 1;
        versions.set(id, version);
        const { id: _id, version: _version, ...all } = ticket({ id });
        const patch = {
          status: pick(statuses),
          priority: pick(["low", "normal", "high", "urgent"] as const),
        };
        replica.apply(record(step, id, version, version === 1 ? { ...all, ...patch } : patch));
      }
      if (chance() < 0.2) overlays.set(id, { status: pick(["open", "solved"] as const) });
      else overlays.delete(id);
      store.touch(id);
      if (step % 97 === 0) {
        store.flush();
        const expected = store
          .find((candidate) => candidate.status === "open", Number.POSITIVE_INFINITY)
          .sort((a, b) => open.compare(a, b) || a.id - b.id)
          .map((candidate) => candidate.id);
        expect(view.ids()).toEqual(expected);
        expect(view.count()).toBe(expected.length);
      }
    }
  });

  test("a change to one ticket wakes only those who look at it", () => {
    const { replica, store } = stage([ticket({ id: 1, status: "open" }), ticket({ id: 2, status: "open" })]);
    const first = vi.fn();
    const second = vi.fn();
    const list = vi.fn();
    store.subscribe(1, first);
    store.subscribe(2, second);
    const view = store.view(open);
    view.ids();
    view.subscribe(list);
    replica.apply(record(1, 1, 2, { tags: ["vip"] }));
    store.touch(1);
    store.flush();
    expect(first).toHaveBeenCalledTimes(1);
    expect(second).not.toHaveBeenCalled();
    expect(list).not.toHaveBeenCalled();
  });

  test("many records at once wake them once", async () => {
    const { clock, replica, store } = stage([ticket({ id: 1, status: "open" })]);
    const seen = vi.fn();
    store.subscribe(1, seen);
    await clock.advance(100);
    for (let version = 2; version < 50; version += 1) {
      replica.apply(record(version, 1, version, { tags: [String(version)] }));
      store.touch(1);
    }
    await clock.advance(100);
    expect(seen).toHaveBeenCalledTimes(1);
  });

  test("a ticket keeps its identity until it changes", () => {
    const { overlays, store } = stage([ticket({ id: 1 })]);
    overlays.set(1, { priority: "high" });
    store.touch(1);
    expect(store.get(1)).toBe(store.get(1));
  });
});

describe("C17: a snooze ends by itself", () => {
  test("the ticket comes back when its time has come, without a record", async () => {
    const { clock, store } = stage([
      ticket({
        id: 1,
        status: "open",
        snoozed_until: new Date(new ManualClock().now() + 60_000).toISOString(),
      }),
    ]);
    const view = store.view(open);
    expect(view.ids()).toEqual([]);
    await clock.advance(61_000);
    expect(view.ids()).toEqual([1]);
    expect(view.count()).toBe(1);
  });
});
