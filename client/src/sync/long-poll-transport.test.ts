import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Command, ServerMessage } from "@/protocol/types";
import type { Fetch } from "./api";
import { callOf, longPollTransport } from "./long-poll-transport";
import { ManualClock, promisesSettled } from "./testing/manual-clock";
import { record } from "./testing/tickets";

interface Call {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: Record<string, string>;
  body: unknown;
  answer(status: number, body?: unknown, headers?: Record<string, string>): Promise<void>;
  fail(): Promise<void>;
  aborted: boolean;
}

function connect() {
  const calls: Call[] = [];
  const fetch: Fetch = (input, init = {}) =>
    new Promise((resolve, reject) => {
      const url = new URL(input, "http://desk");
      const call: Call = {
        method: init.method ?? "GET",
        path: url.pathname.replace("/api/v1", ""),
        query: url.searchParams,
        headers: (init.headers ?? {}) as Record<string, string>,
        body: typeof init.body === "string" ? JSON.parse(init.body) : undefined,
        aborted: false,
        answer: async (status, body, headers = {}) => {
          resolve(new Response(body === undefined ? null : JSON.stringify(body), { status, headers }));
          // Reading a real body takes turns of its own.
          for (let turn = 0; turn < 8; turn += 1) await new Promise((done) => setImmediate(done));
        },
        fail: async () => {
          reject(new TypeError("failed"));
          await promisesSettled();
        },
      };
      init.signal?.addEventListener("abort", () => {
        call.aborted = true;
        reject(new DOMException("given up", "AbortError"));
      });
      calls.push(call);
    });
  const heard: ServerMessage[] = [];
  const closes: number[] = [];
  let opened = 0;
  const clock = new ManualClock();
  const link = longPollTransport(fetch, "/api/v1", clock).connect({
    opened: () => {
      opened += 1;
    },
    received: (messages) => heard.push(...messages),
    closed: (close) => closes.push(close.code),
  });
  const last = () => {
    const call = calls.at(-1);
    if (call === undefined) throw new Error("nothing was asked");
    return call;
  };
  const hello = { t: "hello" as const, v: 1, client: "tab", topics: ["board"] };
  return { calls, heard, closes, link, last, hello, clock, opened: () => opened };
}

/** A link that has said hello from seq 7 and waits for what comes after seq 8. */
async function waiting() {
  const poll = connect();
  await poll.last().answer(200, {});
  poll.link.send({ ...poll.hello, epoch: "e1", after: 7 });
  await poll.last().answer(200, { epoch: "e1", records: [record(8, 1, 2, {})], next_after: 8 });
  await poll.last().answer(200, { epoch: "e1", records: [], next_after: 8 });
  return poll;
}

describe("C45: the line over calls that wait", () => {
  test("opens once the server knows who we are, and goes on from the place that was reached", async () => {
    const { last, heard, calls, opened } = await waiting();
    expect(opened()).toBe(1);
    expect(calls.map((call) => call.path)).toEqual(["/me", "/events", "/events", "/events"]);
    expect(heard.slice(0, 3)).toMatchObject([
      { t: "welcome", resume: "replay", epoch: "e1", seq: 8 },
      { t: "rec", seq: 8 },
      { t: "upto", seq: 8 },
    ]);
    expect(Object.fromEntries(last().query)).toEqual({
      after: "8",
      epoch: "e1",
      topics: "board",
      limit: "1000",
      wait: "20",
    });
  });

  test("brings each record as it comes, and asks on from there", async () => {
    const { last, heard } = await waiting();
    await last().answer(200, { epoch: "e1", records: [record(9, 1, 3, {})], next_after: 9 });
    expect(heard.slice(-2)).toMatchObject([
      { t: "rec", seq: 9 },
      { t: "upto", seq: 9 },
    ]);
    expect(last().query.get("after")).toBe("9");
  });

  test("asks anew when other topics are wanted, and for what a snapshot left open", async () => {
    const { last, link } = await waiting();
    const before = last();
    link.send({ t: "sub", topics: ["ticket:5"] });
    await promisesSettled();
    expect(before.aborted).toBe(true);
    expect(last().query.get("topics")).toBe("board,ticket:5");
    expect(last().query.get("after")).toBe("8");
    link.send({ t: "sub", topics: ["board"], after: 40 });
    await promisesSettled();
    expect(last().query.get("after")).toBe("40");
    expect(last().aborted).toBe(false);
  });

  test("a place that means nothing asks for a snapshot", async () => {
    const { last, link, heard, hello } = connect();
    await last().answer(200, {});
    link.send({ ...hello, epoch: "old", after: 7 });
    await last().answer(409, { code: "resnapshot", retryable: false });
    expect(heard).toMatchObject([{ t: "welcome", resume: "snapshot" }]);
  });

  test("a command is one call under its own key, answered like over a socket", async () => {
    const { last, link, heard } = await waiting();
    link.send({ t: "cmd", id: "k1", ticket: 5, expect: 3, do: { type: "update", status: "solved" } });
    const call = last();
    expect(call).toMatchObject({ method: "PATCH", path: "/tickets/5", body: { status: "solved" } });
    expect(call.headers).toMatchObject({ "idempotency-key": "k1", "if-match": '"3"' });
    await call.answer(200, { id: 5 }, { "x-hotdesk-seq": "12", etag: '"4"' });
    expect(heard.at(-1)).toEqual({ t: "ok", id: "k1", seq: 12, version: 4, ticket: 5 });
    link.send({ t: "cmd", id: "k2", do: { type: "claim_next" } });
    await last().answer(204);
    expect(heard.at(-1)).toMatchObject({ t: "ok", id: "k2", ticket: null });
  });

  const commands: { [T in Command["type"]]: Extract<Command, { type: T }> } = {
    create: { type: "create", subject: "A", body: "B", requester: { name: "R", email: "r@example.com" } },
    update: { type: "update", status: "solved" },
    message: { type: "message", body: "B", visibility: "public" },
    claim: { type: "claim" },
    claim_next: { type: "claim_next" },
    skip: { type: "skip", reason: "S" },
    release: { type: "release" },
    merge: { type: "merge", into: 6 },
    link: { type: "link", to: 6, kind: "related" },
    unlink: { type: "unlink", to: 6, kind: "related" },
    undo: { type: "undo", command_id: "k0" },
    triage: { type: "triage" },
    triage_accept: { type: "triage_accept" },
    triage_reject: { type: "triage_reject" },
  };
  test.each(Object.values(commands))("the contract has a call for the command $type", (command) => {
    const contract = JSON.parse(
      readFileSync(new URL("../../../docs/openapi.json", import.meta.url), "utf8"),
    ) as { paths: Record<string, object> };
    const { method, path } = callOf(5, command);
    const found = contract.paths[`/api/v1${path.replace("/tickets/5", "/tickets/{id}")}`];
    expect(Object.keys(found ?? {})).toContain(method.toLowerCase());
  });

  test("a refusal carries its code and what belongs to it", async () => {
    const { last, link, heard } = await waiting();
    link.send({ t: "cmd", id: "k1", ticket: 5, do: { type: "claim" } });
    expect(last().path).toBe("/tickets/5/claim");
    await last().answer(409, { code: "already_claimed", holder: "bo", detail: "held", retryable: false });
    expect(heard.at(-1)).toMatchObject({
      t: "err",
      id: "k1",
      code: "already_claimed",
      holder: "bo",
      retryable: false,
    });
  });

  test("a dead network ends it, and being signed out says so", async () => {
    const dead = await waiting();
    await dead.last().fail();
    expect(dead.closes).toEqual([1006]);
    const out = await waiting();
    await out.last().answer(401, { code: "not_signed_in", retryable: false });
    expect(out.closes).toEqual([4001]);
  });

  test("once closed it is silent, and asks nothing more", async () => {
    const { last, link, heard, closes } = await waiting();
    const count = heard.length;
    link.close();
    await promisesSettled();
    expect(last().aborted).toBe(true);
    link.send({ t: "cmd", id: "k1", ticket: 5, do: { type: "claim" } });
    expect([closes, heard.length]).toEqual([[1000], count]);
  });
});

describe("C62: presence without a socket", () => {
  async function told() {
    const poll = connect();
    await poll.last().answer(200, {});
    poll.link.send({ ...poll.hello, topics: ["board", "presence"], epoch: "e1", after: 7 });
    await poll.last().answer(200, { epoch: "e1", records: [], next_after: 7 });
    const presence = () => poll.calls.filter((call) => call.path === "/presence");
    await presence()[0]?.answer(200, { data: [{ ticket: 4, users: [{ user: "bo", state: "typing" }] }] });
    return { ...poll, presence };
  }
  const who = (heard: ServerMessage[]) => heard.filter((message) => message.t === "presence");

  test("is asked for when the line begins and every few seconds, and forgets who left", async () => {
    const { heard, presence, clock } = await told();
    expect(presence()[0]?.body).toEqual({ client: "tab", visible: true });
    expect(who(heard)).toEqual([{ t: "presence", ticket: 4, users: [{ user: "bo", state: "typing" }] }]);
    await clock.advance(9_999);
    expect(presence()).toHaveLength(1);
    await clock.advance(1);
    expect(presence()).toHaveLength(2);
    await presence()[1]?.answer(200, { data: [] });
    expect(who(heard).at(-1)).toEqual({ t: "presence", ticket: 4, users: [] });
  });

  test("tells where one is, one after the other, and whether one looks", async () => {
    const { link, presence } = await told();
    link.send({ t: "presence", ticket: 5, state: "viewing" });
    link.send({ t: "presence", ticket: 5, state: "typing" });
    link.send({ t: "visible", visible: false });
    await promisesSettled();
    expect(presence()).toHaveLength(2);
    await presence()[1]?.answer(200, { data: [] });
    await presence()[2]?.fail();
    await promisesSettled();
    expect(
      presence()
        .slice(1)
        .map((call) => call.body),
    ).toEqual([
      { client: "tab", visible: false, ticket: 5, state: "viewing" },
      { client: "tab", visible: false, ticket: 5, state: "typing" },
      { client: "tab", visible: false },
    ]);
  });

  test("ends with the line", async () => {
    const { link, presence, clock } = await told();
    link.close();
    await clock.advance(60_000);
    expect(presence()).toHaveLength(1);
  });
});
