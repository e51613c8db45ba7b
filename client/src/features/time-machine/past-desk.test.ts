import { describe, expect, test } from "vitest";
import type { Snapshot, Ticket } from "@/protocol/types";
import { ManualClock } from "@/sync/testing/manual-clock";
import { record, ticket } from "@/sync/testing/tickets";
import { PastDesk, type PastMoment } from "./past-desk";

const START = Date.UTC(2026, 0, 5, 8);
const MINUTE = 60_000;
const iso = (at: number) => new Date(at).toISOString();

/** A ticket each minute, which is solved thirty seconds later and closed at the hour. */
const { id: _id, version: _version, ...fields } = ticket({ id: 1 });
const journal = Array.from({ length: 3_000 }, (_, index) => {
  const id = (index >> 1) + 1;
  const at = iso(START + (index >> 1) * MINUTE + (index % 2) * 30_000);
  return index % 2 === 0
    ? record(index + 1, id, 1, { ...fields, created_at: at }, { at, event: { type: "created" } as never })
    : record(index + 1, id, 2, { status: id % 2 === 0 ? "closed" : "solved" }, { at });
});

/** What the server would say: a fold of everything up to then. */
function boardAt(at: number): { seq: number; board: Ticket[] } {
  const board = new Map<number, Ticket>();
  let seq = 0;
  for (const one of journal) {
    if (Date.parse(one.at) > at) break;
    seq = one.seq;
    const next = { ...board.get(one.ticket), ...one.patch, id: one.ticket, version: one.version } as Ticket;
    if (next.status === "closed") board.delete(next.id);
    else board.set(next.id, next);
  }
  return { seq, board: [...board.values()] };
}

function machine() {
  const asked: string[] = [];
  const past = new PastDesk({
    snapshotAt: async (at) => {
      asked.push(`snapshot ${at}`);
      return { epoch: "e1", board_hash: "", ...boardAt(Date.parse(String(at))) } as Snapshot;
    },
    events: async ({ after, limit = 1_000 }) => {
      asked.push(`events ${after}`);
      const records = journal.slice(after, after + limit);
      return { epoch: "e1", records, next_after: after + records.length };
    },
  });
  const moment = () => past.state.get() as PastMoment;
  const shown = () => [...moment().board.values()].map(({ id, version }) => `${id}:${version}`).sort();
  const expected = (at: number) =>
    boardAt(at)
      .board.map(({ id, version }) => `${id}:${version}`)
      .sort();
  return { past, asked, moment, shown, expected };
}

describe("C51: the past", () => {
  test("walked forward it is what a snapshot of each moment says", async () => {
    const { past, shown, expected, asked, moment } = machine();
    await past.goTo(START + 10 * MINUTE);
    expect(shown()).toEqual(expected(START + 10 * MINUTE));
    for (const minutes of [10.5, 11, 60, 61.2, 400]) {
      past.advance(START + minutes * MINUTE);
      expect(shown()).toEqual(expected(START + minutes * MINUTE));
      expect(moment().seq).toBe(boardAt(START + minutes * MINUTE).seq);
    }
    expect(asked.filter((call) => call.startsWith("snapshot"))).toHaveLength(1);
  });

  test("the next records are fetched before they are needed, and beyond them time stands still", async () => {
    const { past, moment, asked } = machine();
    await past.goTo(START);
    past.advance(START + 2_000 * MINUTE);
    // A thousand records are five hundred minutes; what lies beyond is not known yet.
    expect(moment().at).toBeLessThan(START + 501 * MINUTE);
    await Promise.resolve();
    await new Promise((done) => setImmediate(done));
    expect(asked.at(-1)).toBe("events 1001");
    past.advance(START + 600 * MINUTE);
    expect(moment().at).toBe(START + 600 * MINUTE);
  });

  test("a step on waits for what is on its way, and a second one goes on from there", async () => {
    const { past, shown, expected, moment } = machine();
    const going = past.goTo(START + 10 * MINUTE);
    const steps = [past.step(), past.step()];
    expect(past.state.get().kind).toBe("loading");
    expect(await Promise.all(steps)).toEqual([START + 10.5 * MINUTE, START + 11 * MINUTE]);
    await going;
    expect(moment().at).toBe(START + 11 * MINUTE);
    expect(shown()).toEqual(expected(START + 11 * MINUTE));
  });

  test("a step is forgotten by whoever goes elsewhere meanwhile", async () => {
    const { past, moment } = machine();
    void past.goTo(START + 10 * MINUTE);
    const step = past.step();
    await past.goTo(START);
    expect(await step).toBeNull();
    expect(moment().at).toBe(START);
  });

  test("what came after the records were asked for is asked for, also where there were no more", async () => {
    const clock = new ManualClock();
    const records = [journal[0] as (typeof journal)[number]];
    const past = new PastDesk(
      {
        snapshotAt: async () => ({ epoch: "e1", seq: 0, board: [], board_hash: "" }) as Snapshot,
        events: async ({ after }) => ({
          epoch: "e1",
          records: records.slice(after),
          next_after: records.length,
        }),
      },
      clock,
    );
    const moment = () => past.state.get() as PastMoment;
    await past.goTo(START - MINUTE);
    past.advance(clock.now());
    expect([...moment().board.keys()]).toEqual([1]);
    const asked = clock.now();
    await clock.advance(10 * MINUTE);
    records.push(record(2, 2, 1, fields, { at: iso(asked + MINUTE) }));
    // Played on, time stands still until that is here.
    past.advance(asked + 5 * MINUTE);
    expect(moment().at).toBe(asked);
    await past.step();
    past.advance(asked + 5 * MINUTE);
    expect([moment().at, [...moment().board.keys()]]).toEqual([asked + 5 * MINUTE, [1, 2]]);
  });

  test("going back begins with another snapshot, a short way on does not", async () => {
    const { past, asked, shown, expected } = machine();
    await past.goTo(START + 100 * MINUTE);
    await past.goTo(START + 200 * MINUTE);
    expect(asked.filter((call) => call.startsWith("snapshot"))).toHaveLength(1);
    await past.goTo(START + 50 * MINUTE);
    expect(asked.filter((call) => call.startsWith("snapshot"))).toHaveLength(2);
    expect(shown()).toEqual(expected(START + 50 * MINUTE));
  });

  test("a failure is told, and the next try begins anew", async () => {
    let broken = true;
    const past = new PastDesk({
      snapshotAt: async () => {
        if (broken) throw new Error("no");
        return { epoch: "e1", seq: 0, board: [], board_hash: "" } as Snapshot;
      },
      events: async () => ({ epoch: "e1", records: [], next_after: 0 }),
    });
    await past.goTo(START);
    expect(past.state.get().kind).toBe("failed");
    broken = false;
    await past.goTo(START);
    expect(past.state.get().kind).toBe("ready");
  });
});
