import { describe, expect, test } from "vitest";
import type { Priority, TicketStatus } from "@/protocol/types";
import type { Outcome } from "./outbox";
import { ManualClock, seeded } from "./testing/manual-clock";
import { ModelServer, type Weather } from "./testing/model-server";
import { Peer } from "./testing/peer";

const STATUSES: TicketStatus[] = ["open", "pending", "on_hold", "solved", "closed"];
const PRIORITIES: Priority[] = ["low", "normal", "high", "urgent"];
const CLOSE_CODES = [1001, 1006, 1011, 1012, 4108, 4129, 4201];

interface Promised {
  id: string;
  outcome: Outcome | null;
}

/** Several tabs in bad weather; whatever happens, they must end with the server's board and nothing left to say. */
async function storm(seed: number, steps = 160): Promise<void> {
  const chance = seeded(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(chance() * from.length)] as T;
  const clock = new ManualClock(seed + 1);
  const server = new ModelServer(clock);
  let stormy = true;
  const weather: Weather = {
    latencyMs: () => (stormy ? Math.floor(chance() ** 3 * 2_000) + 1 : 5),
    swallows: () => stormy && chance() < 0.004,
    overloaded: () => stormy && chance() < 0.05,
  };
  for (let count = 0; count < 6; count += 1) server.open(`Opening ${count}`);
  let peers = Array.from({ length: 2 + Math.floor(chance() * 3) }, (_, n) => {
    const peer = new Peer(server, clock, `u${n}`, weather);
    peer.desk.start();
    return peer;
  });
  const promised: Promised[] = [];
  let restored = false;

  for (let step = 0; step < steps; step += 1) {
    const peer = pick(peers);
    const dice = chance();
    const board = server.board();
    if (dice < 0.5 && board.length > 0) {
      const ticket = pick(board).id;
      const kind = chance();
      const order =
        kind < 0.3
          ? { ticket, do: { type: "update" as const, priority: pick(PRIORITIES) } }
          : kind < 0.5
            ? { ticket, do: { type: "update" as const, status: pick(STATUSES) } }
            : kind < 0.65
              ? { ticket, do: { type: "claim" as const }, predict: { assignee: peer.user } }
              : kind < 0.75
                ? { ticket, do: { type: "release" as const }, predict: { assignee: null } }
                : kind < 0.8
                  ? { do: { type: "claim_next" as const } }
                  : {
                      ticket,
                      do: { type: "message" as const, body: `${step}`, visibility: "public" as const },
                    };
      const predict =
        order.do.type === "update"
          ? { ...order.do, type: undefined }
          : "predict" in order
            ? order.predict
            : undefined;
      if (predict && "type" in predict) delete predict.type;
      const { id, outcome } = peer.desk.outbox.enqueue({ ...order, ...(predict ? { predict } : {}) });
      const promise: Promised = { id, outcome: null };
      promised.push(promise);
      void outcome.then((settled) => {
        promise.outcome = settled;
      });
    } else if (dice < 0.6) {
      server.open(`Opened in step ${step}`);
    } else if (dice < 0.7) {
      peer.transport.kill(pick(CLOSE_CODES), "after_ms: 700");
    } else if (dice < 0.74) {
      peers = peers.map((candidate) => (candidate === peer ? peer.reload(weather) : candidate));
    } else if (dice < 0.78) {
      server.up = !server.up;
      if (!server.up) server.hangUpAll(1006);
    } else if (dice < 0.8 && chance() < 0.3) {
      restored = true;
      server.restore(Math.floor(server.seq * (0.6 + 0.4 * chance())));
    } else if (dice < 0.85) {
      server.tick();
    }
    await clock.advance(Math.floor(chance() ** 2 * 1_500));
  }

  stormy = false;
  server.up = true;
  for (let wait = 0; wait < 40; wait += 1) {
    await clock.advance(5_000);
    server.tick();
  }
  await clock.advance(5_000);

  for (const peer of peers) {
    expect.soft(peer.state, `${peer.user} is live`).toBe("live");
    expect.soft(peer.desk.boardHash(), `${peer.user} has the server's hash`).toBe(server.hash());
    expect.soft(peer.desk.outbox.state.get().unanswered, `${peer.user} has nothing left to say`).toEqual([]);
    for (const ticket of server.board()) {
      expect.soft(peer.desk.tickets.get(ticket.id), `${peer.user} sees #${ticket.id}`).toEqual(ticket);
    }
  }
  if (!restored) {
    for (const [effect, times] of server.effects) expect.soft(times, `${effect} took effect once`).toBe(1);
    for (const { id, outcome } of promised) {
      if (outcome?.ok === false && outcome.code !== "offline") {
        const took = [...server.effects.keys()].some((effect) => effect.startsWith(`${id}/`));
        expect.soft(took, `${id} was refused (${outcome.code}) and did nothing`).toBe(false);
      }
    }
  }
}

describe("C7: peers that drop, lag, reload and are refused end with the server's board", () => {
  test("a tab that was closed while its snapshot was on the way stays closed (seed 95)", () => storm(95));
  test("a restore under a command that was just answered leaves nothing on top of the board (seed 929)", () =>
    storm(929));

  const first = Number(process.env.HOTDESK_FUZZ_SEED ?? "1");
  const runs = Number(process.env.HOTDESK_FUZZ_RUNS ?? "120");
  test.each(Array.from({ length: runs }, (_, n) => first + n))("seed %i", async (seed) => {
    await storm(seed);
  });
});
