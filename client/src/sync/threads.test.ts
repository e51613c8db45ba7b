import { beforeEach, describe, expect, test } from "vitest";
import { ManualClock } from "./testing/manual-clock";
import { ModelServer } from "./testing/model-server";
import { Peer } from "./testing/peer";

let clock: ManualClock;
let server: ModelServer;
let ada: Peer;

beforeEach(async () => {
  clock = new ManualClock();
  server = new ModelServer(clock);
  server.open("First");
  ada = new Peer(server, clock, "ada");
  ada.desk.start();
  await clock.advance(100);
});

function reply(body: string): void {
  server.execute("bo", {
    t: "cmd",
    id: body,
    ticket: 1,
    do: { type: "message", body, visibility: "public" },
  });
}

function bodies(): string[] {
  const thread = ada.desk.threads.get(1);
  return thread.kind === "ready" ? thread.messages.map((message) => message.body) : [thread.kind];
}

describe("C18: a conversation", () => {
  test("is fetched once and then follows the records", async () => {
    reply("one");
    ada.desk.threads.want(1);
    expect(bodies()).toEqual(["loading"]);
    await clock.advance(50);
    expect(bodies()).toEqual(["one"]);
    reply("two");
    await clock.advance(50);
    expect(bodies()).toEqual(["one", "two"]);
  });

  test("loses nothing that arrives while it is fetched, and shows nothing twice", async () => {
    reply("one");
    ada.desk.threads.want(1);
    await clock.advance(6);
    reply("two");
    await clock.advance(100);
    expect(bodies()).toEqual(["one", "two"]);
  });

  test("is fetched again after the replica started again, while somebody looks", async () => {
    ada.desk.threads.want(1);
    ada.desk.threads.subscribe(1, () => {});
    await clock.advance(50);
    ada.transport.kill(1006);
    reply("missed");
    server.restore(server.seq);
    await clock.advance(60_000);
    expect(ada.state).toBe("live");
    expect(bodies()).toEqual(["missed"]);
  });

  test("that cannot be fetched says so, and can be asked for again", async () => {
    server.up = false;
    ada.desk.threads.want(1);
    await clock.advance(50);
    expect(bodies()).toEqual(["failed"]);
    server.up = true;
    ada.desk.threads.want(1);
    await clock.advance(50);
    expect(bodies()).toEqual([]);
  });

  test("of a closed ticket brings the ticket with it", async () => {
    server.execute("bo", { t: "cmd", id: "x", ticket: 1, do: { type: "update", status: "closed" } });
    const cy = new Peer(server, clock, "cy");
    cy.desk.start();
    await clock.advance(100);
    expect(cy.desk.tickets.get(1)).toBeUndefined();
    cy.desk.threads.want(1);
    await clock.advance(50);
    expect(cy.desk.tickets.get(1)?.status).toBe("closed");
    expect(cy.desk.boardHash()).toBe(server.hash());
  });
});
