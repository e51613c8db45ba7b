import { beforeEach, describe, expect, test } from "vitest";
import type { ServerMessage } from "@/protocol/types";
import type { Outcome, RolledBack } from "./outbox";
import { ManualClock } from "./testing/manual-clock";
import { calm, ModelServer } from "./testing/model-server";
import { Peer } from "./testing/peer";

let clock: ManualClock;
let server: ModelServer;
let ada: Peer;
let bo: Peer;
let refused: RolledBack[];

beforeEach(async () => {
  clock = new ManualClock();
  server = new ModelServer(clock);
  server.open("First");
  server.open("Second");
  ada = new Peer(server, clock, "ada");
  bo = new Peer(server, clock, "bo");
  refused = [];
  ada.desk.outbox.rolledBack.subscribe((event) => refused.push(event));
  ada.desk.start();
  bo.desk.start();
  await clock.advance(100);
  expect([ada.state, bo.state]).toEqual(["live", "live"]);
});

const high = { do: { type: "update", priority: "high" }, predict: { priority: "high" } } as const;
const effectsOf = (id: string) => [...server.effects].filter(([effect]) => effect.startsWith(`${id}/`));

describe("C9: a change is shown before it is confirmed", () => {
  test("to its author at once, to others when it is on disk", async () => {
    ada.desk.outbox.enqueue({ ticket: 1, ...high });
    expect(ada.desk.tickets.get(1)?.priority).toBe("high");
    expect(bo.desk.tickets.get(1)?.priority).toBe("normal");
    await clock.advance(50);
    expect(bo.desk.tickets.get(1)?.priority).toBe("high");
    expect(ada.desk.outbox.state.get()).toEqual({ unsent: 0, unanswered: [], unseen: [] });
  });

  test("a colleague's change to another field shows through it", async () => {
    ada.desk.outbox.enqueue({ ticket: 1, ...high });
    server.execute("bo", { t: "cmd", id: "b1", ticket: 1, do: { type: "update", tags: ["vip"] } });
    await clock.advance(7);
    expect(ada.desk.tickets.get(1)).toMatchObject({ priority: "high", tags: ["vip"] });
  });

  test("the ticket never flickers back between the answer and the record", async () => {
    const seen: (string | undefined)[] = [];
    ada.desk.tickets.subscribe(1, () => seen.push(ada.desk.tickets.get(1)?.priority));
    ada.desk.outbox.enqueue({ ticket: 1, ...high });
    await clock.advance(100);
    expect(new Set(seen)).toEqual(new Set(["high"]));
  });
});

describe("C10: a refused change", () => {
  test("is taken back, with the reason", async () => {
    server.execute("bo", { t: "cmd", id: "b1", ticket: 1, do: { type: "claim" } });
    const { outcome } = ada.desk.outbox.enqueue({
      ticket: 1,
      do: { type: "claim" },
      predict: { assignee: "ada", status: "open" },
    });
    expect(ada.desk.tickets.get(1)?.assignee).toBe("ada");
    await clock.advance(50);
    expect(ada.desk.tickets.get(1)?.assignee).toBe("bo");
    expect(await outcome).toMatchObject({ ok: false, code: "already_claimed", details: { holder: "bo" } });
    expect(refused).toMatchObject([{ code: "already_claimed", command: { ticket: 1 } }]);
  });

  test("takes with it what was to follow only if it was accepted", async () => {
    server.execute("bo", { t: "cmd", id: "b1", ticket: 1, do: { type: "claim" } });
    const first = ada.desk.outbox.enqueue({ ticket: 1, do: { type: "claim" }, predict: { assignee: "ada" } });
    const second = ada.desk.outbox.enqueue({
      ticket: 1,
      do: { type: "update", status: "solved" },
      predict: { status: "solved" },
      requires: first.id,
    });
    await clock.advance(100);
    expect(await second.outcome).toMatchObject({ ok: false, code: "already_claimed" });
    expect(ada.desk.tickets.get(1)?.status).toBe("open");
    expect(refused).toHaveLength(1);
  });
});

describe("C11: commands given offline", () => {
  test("are kept, shown as unsent, and sent once and in order when the line is back", async () => {
    server.up = false;
    server.hangUpAll(1006);
    await clock.advance(50);
    const outcomes: Outcome[] = [];
    for (const tags of [["a"], ["b"], ["c"]]) {
      const { outcome } = ada.desk.outbox.enqueue({
        ticket: 1,
        do: { type: "update", tags },
        predict: { tags },
      });
      void outcome.then((settled) => outcomes.push(settled));
    }
    expect(ada.desk.outbox.state.get().unsent).toBe(3);
    expect(ada.desk.tickets.get(1)?.tags).toEqual(["c"]);
    server.up = true;
    await clock.advance(60_000);
    expect(outcomes.map((outcome) => outcome.ok)).toEqual([true, true, true]);
    const tags = server.journal.filter((record) => record.by === "ada").map((record) => record.patch.tags);
    expect(tags).toEqual([["a"], ["b"], ["c"]]);
  });

  test("survive a reload of the tab", async () => {
    server.up = false;
    server.hangUpAll(1006);
    await clock.advance(50);
    ada.desk.outbox.enqueue({ ticket: 1, ...high });
    const again = ada.reload();
    server.up = true;
    await clock.advance(60_000);
    expect(again.desk.outbox.state.get().unsent).toBe(0);
    expect(server.tickets.get(1)?.priority).toBe("high");
  });

  test("a command that waited so long that a repeat might be done twice is not sent, and that is said", async () => {
    // Sent, and the answer lost with the tab.
    ada.desk.outbox.enqueue({ ticket: 1, ...high });
    ada.desk.stop();
    await clock.advance(24 * 3_600_000);
    const told: RolledBack[] = [];
    const again = new Peer(server, clock, "ada", calm, ada.storage);
    again.desk.outbox.rolledBack.subscribe((event) => told.push(event));
    again.desk.start();
    await clock.advance(1_000);
    expect(told).toMatchObject([{ code: "expired" }]);
    expect(server.journal.filter((record) => record.by === "ada")).toEqual([]);
  });

  test("neither if the tab stayed open all the while; what was never sent still is", async () => {
    server.up = false;
    ada.desk.outbox.enqueue({ ticket: 1, ...high });
    ada.transport.kill(1006);
    await clock.advance(10);
    ada.desk.outbox.enqueue({ ticket: 2, ...high });
    await clock.advance(24 * 3_600_000);
    server.up = true;
    await clock.advance(60_000);
    expect(refused).toMatchObject([{ code: "expired", command: { ticket: 1 } }]);
    expect(server.journal.filter((record) => record.by === "ada").map((record) => record.ticket)).toEqual([
      2,
    ]);
  });

  test("what a closed tab left unsent is sent by the next one", async () => {
    server.up = false;
    server.hangUpAll(1006);
    await clock.advance(50);
    ada.desk.outbox.enqueue({ ticket: 1, ...high });
    ada.desk.stop();
    server.up = true;
    const left = [...ada.storage.keys()].find((key) => key.startsWith("hotdesk.outbox.")) ?? "";
    bo.storage.set(left, ada.storage.get(left) ?? "");
    bo.desk.outbox.adopt(left);
    await clock.advance(60_000);
    expect(server.tickets.get(1)?.priority).toBe("high");
    expect(bo.storage.has(left)).toBe(false);
  });
});

describe("C12: an answer that is lost", () => {
  test("the command goes out again under its own id, and takes effect once", async () => {
    const { id, outcome } = ada.desk.outbox.enqueue({ ticket: 1, ...high });
    await clock.advance(6);
    expect(effectsOf(id)).toHaveLength(1);
    ada.transport.kill(1006);
    await clock.advance(60_000);
    expect(await outcome).toMatchObject({ ok: true, id });
    expect(effectsOf(id)).toEqual([[`${id}/updated`, 1]]);
  });
});

describe("C13: an answer that asks to try again", () => {
  test("is obeyed with back-off, and the change stays on the screen meanwhile", async () => {
    let busy = 3;
    const cy = new Peer(server, clock, "cy", { ...calm, overloaded: () => busy-- > 0 });
    cy.desk.start();
    await clock.advance(100);
    const { outcome } = cy.desk.outbox.enqueue({ ticket: 2, ...high });
    await clock.advance(12);
    expect(cy.desk.tickets.get(2)?.priority).toBe("high");
    await clock.advance(30_000);
    expect(await outcome).toMatchObject({ ok: true });
    expect(server.tickets.get(2)?.priority).toBe("high");
  });
});

describe("C14: the outbox keeps to what the server allows", () => {
  test("one command at a time for one ticket, and no more in flight than the limit", async () => {
    let most = 0;
    let flying = 0;
    const answered = ada.desk.answered.bind(ada.desk);
    ada.desk.answered = (answer: Extract<ServerMessage, { t: "ok" | "err" }>) => {
      flying -= 1;
      answered(answer);
    };
    const send = ada.desk.connection.send.bind(ada.desk.connection);
    ada.desk.connection.send = (message) => {
      if (message.t === "cmd") {
        flying += 1;
        most = Math.max(most, flying);
      }
      return send(message);
    };
    for (let count = 0; count < 30; count += 1) server.open(`Ticket ${count}`);
    await clock.advance(100);
    const all = Array.from(
      { length: 30 },
      (_, n) => ada.desk.outbox.enqueue({ ticket: n + 1, ...high }).outcome,
    );
    await clock.advance(10_000);
    expect((await Promise.all(all)).every((outcome) => outcome.ok)).toBe(true);
    expect(most).toBe(8);
  });

  test("a command that is longer than a message may be is refused here", async () => {
    const body = "x".repeat(2 << 20);
    const { outcome } = ada.desk.outbox.enqueue({
      ticket: 1,
      do: { type: "message", body, visibility: "internal" },
    });
    expect(await outcome).toMatchObject({ ok: false, code: "too_big" });
    expect(ada.state).toBe("live");
  });
});

describe("C15: claiming the next ticket", () => {
  test("is not kept for later", async () => {
    server.up = false;
    server.hangUpAll(1006);
    await clock.advance(50);
    const { outcome } = ada.desk.outbox.enqueue({ do: { type: "claim_next" }, offline: "refuse" });
    expect(await outcome).toMatchObject({ ok: false, code: "offline" });
    expect(ada.desk.outbox.state.get().unsent).toBe(0);
  });

  test("answers with the ticket, or with none", async () => {
    const first = ada.desk.outbox.enqueue({ do: { type: "claim_next" }, offline: "refuse" });
    const second = ada.desk.outbox.enqueue({ do: { type: "claim_next" }, offline: "refuse" });
    const third = ada.desk.outbox.enqueue({ do: { type: "claim_next" }, offline: "refuse" });
    await clock.advance(100);
    const tickets = (await Promise.all([first.outcome, second.outcome, third.outcome])).map(
      (outcome) => outcome.ok && outcome.ticket,
    );
    expect(tickets).toEqual([1, 2, null]);
  });
});

describe("C22: undo of what is still unsent", () => {
  test("takes it out of the outbox, and nobody hears of it", async () => {
    server.up = false;
    server.hangUpAll(1006);
    await clock.advance(50);
    const { id } = ada.desk.outbox.enqueue({ ticket: 1, ...high });
    expect(ada.desk.outbox.cancel(id)).toBe(true);
    expect(ada.desk.tickets.get(1)?.priority).toBe("normal");
    server.up = true;
    await clock.advance(60_000);
    expect(server.journal.filter((record) => record.by === "ada")).toEqual([]);
    expect(refused).toEqual([]);
  });

  test("is refused once the command has gone out", () => {
    const { id } = ada.desk.outbox.enqueue({ ticket: 1, ...high });
    expect(ada.desk.outbox.cancel(id)).toBe(false);
  });
});

describe("C53: what was changed offline", () => {
  const update = (fields: object) => ({ do: { type: "update", ...fields }, predict: fields }) as never;
  const order = (peer: Peer, fields: object) =>
    peer.desk.outbox.enqueue({ ticket: 1, ...(update(fields) as object) } as never);
  const meanwhile = (id: string, fields: object) =>
    server.execute("bo", { t: "cmd", id, ticket: 1, do: { type: "update", ...fields } as never });
  async function offline(): Promise<void> {
    server.up = false;
    server.hangUpAll(1006);
    await clock.advance(20);
  }
  async function online(): Promise<void> {
    server.up = true;
    await clock.advance(60_000);
    expect(ada.desk.outbox.state.get().unanswered).toEqual([]);
  }

  test("is not put over a colleague's change of the same field: both are told", async () => {
    await offline();
    order(ada, { priority: "high" });
    meanwhile("b1", { priority: "low" });
    await online();
    expect(server.tickets.get(1)?.priority).toBe("low");
    expect(ada.desk.tickets.get(1)?.priority).toBe("low");
    expect(refused).toMatchObject([{ code: "version_conflict", theirs: { priority: "low" } }]);
    expect(ada.desk.changedBy(1)).toBe("bo");
  });

  test("goes through where the colleague changed something else, or the same to the same", async () => {
    await offline();
    order(ada, { priority: "high", tags: ["vip"] });
    meanwhile("b1", { subject: "Another subject", tags: ["vip"] });
    await online();
    expect(server.tickets.get(1)).toMatchObject({
      priority: "high",
      tags: ["vip"],
      subject: "Another subject",
    });
    expect(refused).toEqual([]);
  });

  test("one after the other is no conflict with oneself", async () => {
    await offline();
    order(ada, { priority: "high" });
    order(ada, { priority: "low" });
    order(ada, { tags: ["a"] });
    await online();
    expect(server.tickets.get(1)).toMatchObject({ priority: "low", tags: ["a"] });
    expect(refused).toEqual([]);
  });

  const claim = { ticket: 1, do: { type: "claim" }, predict: { assignee: "ada", status: "open" } } as const;

  test("a claim and then a change are no conflict with oneself", async () => {
    await offline();
    ada.desk.outbox.enqueue(claim);
    order(ada, { status: "solved" });
    await online();
    expect(server.tickets.get(1)).toMatchObject({ assignee: "ada", status: "solved" });
    expect(refused).toEqual([]);
  });

  test("neither is what the server did beside what was asked, nor with a colleague elsewhere in the ticket", async () => {
    await offline();
    ada.desk.outbox.enqueue({ ticket: 1, do: { type: "message", body: "Yes", visibility: "public" } });
    order(ada, { status: "pending" });
    order(ada, { status: "solved" });
    meanwhile("b1", { tags: ["vip"] });
    await online();
    expect(server.tickets.get(1)).toMatchObject({ status: "solved", tags: ["vip"] });
    expect(refused).toEqual([]);
  });

  test("neither is it where a snapshot came in place of the record", async () => {
    await offline();
    ada.desk.outbox.enqueue(claim);
    order(ada, { status: "solved" });
    ada.desk.outbox.recorded = () => {};
    await online();
    expect(server.tickets.get(1)).toMatchObject({ assignee: "ada", status: "solved" });
    expect(refused).toEqual([]);
  });

  test("after one's own claim, a colleague's change of the same field is still told", async () => {
    await offline();
    ada.desk.outbox.enqueue(claim);
    order(ada, { priority: "high" });
    meanwhile("b1", { priority: "low" });
    await online();
    expect(server.tickets.get(1)).toMatchObject({ assignee: "ada", priority: "low" });
    expect(refused).toMatchObject([{ code: "version_conflict", theirs: { priority: "low" } }]);
  });

  test("is held back as well if it went into a line that was dead already", async () => {
    server.up = false;
    order(ada, { priority: "high" });
    ada.transport.kill(1006);
    meanwhile("b1", { priority: "low" });
    await online();
    expect(server.tickets.get(1)?.priority).toBe("low");
    expect(refused).toMatchObject([{ code: "version_conflict", theirs: { priority: "low" } }]);
  });

  test("is judged after a reload as well", async () => {
    await offline();
    order(ada, { priority: "high" });
    meanwhile("b1", { priority: "low" });
    ada = ada.reload();
    ada.desk.outbox.rolledBack.subscribe((event) => refused.push(event));
    await online();
    expect(server.tickets.get(1)?.priority).toBe("low");
    expect(refused).toMatchObject([{ code: "version_conflict", theirs: { priority: "low" } }]);
  });
});

describe("C21: a reply that would pass a public message", () => {
  const reply = (body: string, seen: number) =>
    ada.desk.outbox.enqueue({
      ticket: 1,
      do: { type: "message", body, visibility: "public", last_seen_version: seen },
    }).outcome;
  const bodies = () =>
    server.journal.flatMap(({ event }) => ("message" in event && event.message ? [event.message.body] : []));

  test("is not refused because of what its writer said before", async () => {
    server.up = false;
    server.hangUpAll(1006);
    await clock.advance(20);
    const outcomes = [reply("One", 1), reply("Two", 1), reply("Three", 1)];
    server.up = true;
    await clock.advance(60_000);
    expect((await Promise.all(outcomes)).map((outcome) => outcome.ok)).toEqual([true, true, true]);
    expect(bodies()).toEqual(["One", "Two", "Three"]);
  });

  test("nor if the one before was answered and is not on the screen yet", async () => {
    ada.desk.outbox.recorded = () => {};
    const { record } = ada.desk;
    const held: Parameters<typeof record>[0][] = [];
    ada.desk.record = (taken) => held.push(taken) > 0;
    ada.desk.upto = () => true;
    const first = reply("One", 1);
    await clock.advance(20);
    expect(await first).toMatchObject({ ok: true });
    expect(held).not.toEqual([]);
    const second = reply("Two", 1);
    await clock.advance(20);
    expect(await second).toMatchObject({ ok: true });
  });

  test("is refused where a colleague spoke in between, whatever its writer said", async () => {
    server.up = false;
    server.hangUpAll(1006);
    await clock.advance(20);
    const outcomes = [reply("One", 1), reply("Two", 1)];
    server.execute("bo", {
      t: "cmd",
      id: "b1",
      ticket: 1,
      do: { type: "message", body: "Bo's", visibility: "public" },
    });
    server.up = true;
    await clock.advance(60_000);
    expect(await Promise.all(outcomes)).toMatchObject([
      { ok: false, code: "stale_reply" },
      { ok: false, code: "stale_reply" },
    ]);
    expect(bodies()).toEqual(["Bo's"]);
  });
});
