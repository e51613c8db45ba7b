import { describe, expect, test } from "vitest";
import type { Names } from "@/desk/record-text";
import type { Message, TicketRecord } from "@/protocol/types";
import { record } from "@/sync/testing/tickets";
import { history, timeline } from "./timeline";

const names: Names = {
  person: (id) => ({ bo: "Bo", cy: "Cyra" })[id] ?? id,
  info: { teams: [{ id: "billing", name: "Billing", description: "" }], categories: [] },
};

function message(id: string, at: string, over: Partial<Message> = {}): Message {
  return {
    id,
    visibility: "public",
    direction: "inbound",
    author: { name: "Rosa" },
    body: id,
    body_format: "text",
    attachments: [],
    at,
    ...over,
  } as Message;
}

const monday = "2026-01-05T09:00:00.000Z";
const tuesday = "2026-01-06T09:00:00.000Z";
const first = message("m1", monday);
const second = message("m2", tuesday);

const records: TicketRecord[] = [
  record(1, 1, 1, {}, { at: monday, by: "system", event: { type: "created", message: first } }),
  record(
    2,
    1,
    2,
    { assignee: "bo" },
    { at: monday, by: "bo", event: { type: "claimed", holder: "bo", live: true } },
  ),
  record(3, 1, 3, {}, { at: monday, by: "system", event: { type: "sla_activated", metric: "resolution" } }),
  record(
    4,
    1,
    4,
    { priority: "high", team: "billing" },
    { at: monday, by: "bo", event: { type: "updated", changes: {} } },
  ),
  record(
    5,
    1,
    5,
    { status: "solved" },
    { at: tuesday, by: "bo", event: { type: "message_added", message: second } },
  ),
];

describe("C23: a conversation as it is read", () => {
  test("days, messages and what happened between them, in order", () => {
    const items = timeline(records, [first, second], names).map((item) =>
      item.kind === "message"
        ? item.message.id
        : item.kind === "events"
          ? item.events.map((event) => event.what)
          : "day",
    );
    expect(items).toEqual([
      "day",
      "m1",
      ["took the ticket", "set priority to High", "set team to Billing"],
      "day",
      "m2",
      ["set status to Solved"],
    ]);
  });

  test("a message that came without its record is shown all the same", () => {
    expect(timeline([], [first], names).map((item) => item.kind)).toEqual(["day", "message"]);
  });

  test("an event of a later server is told by what it changed", () => {
    const unknown = record(6, 1, 6, { priority: "low" }, { event: { type: "reshuffled" } as never });
    expect(history([unknown], names).map((event) => event.what)).toEqual(["set priority to Low"]);
  });

  test("the history has everything, the newest first", () => {
    expect(history(records, names).map((event) => event.what)).toEqual([
      "set status to Solved",
      "set team to Billing",
      "set priority to High",
      "started the clock: solution",
      "took the ticket",
      "opened the ticket",
    ]);
  });
});
