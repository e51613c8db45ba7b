import { describe, expect, test } from "vitest";
import type { ClientMessage, ServerMessage, Snapshot } from "@/protocol/types";
import { DeskSync } from "./desk-sync";
import { memoryStorage } from "./storage";
import { ManualClock } from "./testing/manual-clock";
import type { LinkHandlers } from "./transport";

const ticket = {
  id: 1,
  version: 1,
  subject: "One",
  status: "new",
  priority: "normal",
  category: null,
  tags: [],
  requester: { name: "Ada", email: "ada@example.org" },
  assignee: null,
  team: null,
  channel: "web",
  created_at: "2026-11-23T08:00:00.000Z",
  updated_at: "2026-11-23T08:00:00.000Z",
  first_responded_at: null,
  solved_at: null,
  snoozed_until: null,
  merged_into: null,
  follow_up_of: null,
  links: [],
  sla: {
    policy: null,
    first_response_due: null,
    next_response_due: null,
    resolution_due: null,
    paused: false,
    breached: false,
    breaches: [],
  },
  triage: null,
  message_count: 1,
  last_message_at: "2026-11-23T08:00:00.000Z",
  custom: {},
};

const rec = (seq: number, version: number, event: object, patch: object) => ({
  t: "rec",
  seq,
  ticket: 1,
  version,
  at: ticket.created_at,
  by: "u",
  command_id: `c${seq}`,
  event,
  patch,
});

/** What a server of build 0.1 said, word for word. */
const BEFORE = [
  {
    t: "welcome",
    session: "s",
    user: { id: "u" },
    epoch: "e",
    seq: 1,
    resume: "live",
    limits: { max_message_bytes: 1048576, messages_per_s: 50, max_commands_in_flight: 16, max_topics: 64 },
    heartbeat_ms: 15000,
  },
  { t: "upto", seq: 1 },
  rec(
    2,
    2,
    { type: "updated", changes: { priority: "high" } },
    { priority: "high", updated_at: ticket.updated_at },
  ),
  rec(3, 3, { type: "claimed", holder: "u", live: true }, { assignee: "u", status: "open" }),
  { t: "presence", ticket: 1, users: [{ user: "u", state: "viewing" }] },
  { t: "lag", from: 1, to: 3 },
  { t: "upto", seq: 3 },
];

/** The same of a server that is one build further: more fields everywhere, an event and a message that nobody knows yet. */
const AFTER = [
  {
    ...BEFORE[0],
    build: "next",
    limits: {
      max_message_bytes: 1048576,
      messages_per_s: 50,
      max_commands_in_flight: 16,
      max_topics: 64,
      more: 1,
    },
  },
  { t: "weather", sky: "blue" },
  { t: "upto", seq: 1, more: true },
  {
    ...rec(2, 2, { type: "praised", by: "u", stars: 5 }, { priority: "high", mood: "good" }),
    signature: "x",
  },
  {
    ...rec(
      3,
      3,
      { type: "claimed", holder: "u", live: true, via: "phone" },
      { assignee: "u", status: "open" },
    ),
  },
  { t: "presence", ticket: 1, users: [{ user: "u", state: "dancing", since: 1 }] },
  { t: "upto", seq: 3 },
];

async function told(frames: object[]) {
  const clock = new ManualClock();
  const sent: ClientMessage[] = [];
  const desk = new DeskSync({
    transport: {
      connect(handlers: LinkHandlers) {
        clock.after(1, () => handlers.opened());
        return {
          send(message) {
            sent.push(message);
            if (message.t !== "hello") return;
            clock.after(1, () => handlers.received(frames as unknown as ServerMessage[]));
          },
          close: (code) => clock.after(1, () => handlers.closed({ code: code ?? 1000, reason: "" })),
        };
      },
    },
    api: {
      snapshot: async () => ({ epoch: "e", seq: 1, board: [ticket], board_hash: "" }) as unknown as Snapshot,
      thread: async () => ({}) as never,
      me: async () => ({}) as never,
    },
    clock,
    storage: memoryStorage(),
    newId: () => "id",
    client: "tab",
    user: "u",
    visible: () => true,
  });
  desk.start();
  await clock.advance(100);
  return { desk, sent };
}

describe("O38: frames of a server that is one build apart", () => {
  for (const [name, frames] of [
    ["before", BEFORE],
    ["after", AFTER],
  ] as const)
    test(`${name} are understood as far as they go`, async () => {
      const { desk } = await told(frames as object[]);
      expect(desk.connection.state.get().kind).toBe("live");
      expect(desk.tickets.get(1)).toMatchObject({
        version: 3,
        priority: "high",
        assignee: "u",
        status: "open",
      });
      desk.stop();
    });
});
