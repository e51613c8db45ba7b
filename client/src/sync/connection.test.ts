import { beforeEach, describe, expect, test } from "vitest";
import type { ClientMessage, ServerMessage, Snapshot } from "@/protocol/types";
import { DeskSync } from "./desk-sync";
import { ProblemError } from "./problem-error";
import { memoryStorage } from "./storage";
import { ManualClock, promisesSettled } from "./testing/manual-clock";
import { record, ticket } from "./testing/tickets";
import type { LinkHandlers } from "./transport";

/** A line whose other end is the test. */
class Line {
  readonly sent: ClientMessage[] = [];
  closedWith: number | null = null;
  readonly #handlers: LinkHandlers;

  constructor(handlers: LinkHandlers) {
    this.#handlers = handlers;
  }

  open(): void {
    this.#handlers.opened();
  }

  say(...messages: ServerMessage[]): void {
    this.#handlers.received(messages);
  }

  drop(code = 1006, reason = ""): void {
    this.#handlers.closed({ code, reason });
  }
}

class Desk {
  readonly clock = new ManualClock(5);
  readonly lines: Line[] = [];
  snapshots: (Snapshot | ProblemError)[] = [];
  probe: ProblemError | null = null;
  asked = 0;
  readonly sync = new DeskSync({
    transport: {
      connect: (handlers) => {
        const line = new Line(handlers);
        this.lines.push(line);
        return {
          send: (message) => line.sent.push(message),
          close: (code = 1000) => {
            line.closedWith = code;
          },
        };
      },
    },
    api: {
      snapshot: async () => {
        this.asked += 1;
        const next = this.snapshots.shift();
        if (next === undefined) throw new Error("the test has no snapshot ready");
        if (next instanceof ProblemError) throw next;
        return next;
      },
      thread: async () => {
        throw new Error("not asked for here");
      },
      me: async () => {
        if (this.probe !== null) throw this.probe;
        return {} as never;
      },
    },
    clock: this.clock,
    storage: memoryStorage(),
    newId: () => "c1",
    client: "tab",
    user: "u_me",
    visible: () => true,
  });

  get line(): Line {
    const line = this.lines.at(-1);
    if (line === undefined) throw new Error("no line was opened");
    return line;
  }

  get state() {
    return this.sync.connection.state.get();
  }

  /** From nothing to live at seq 10. */
  async live(): Promise<void> {
    this.snapshots.push(snapshot(10));
    this.sync.start();
    await promisesSettled();
    this.line.open();
    this.line.say(welcome(10));
  }
}

function snapshot(seq: number, over: Partial<Snapshot> = {}): Snapshot {
  return {
    epoch: "e1",
    seq,
    board: [ticket({ id: 1, version: 3 }), ticket({ id: 2, version: 1 })],
    board_hash: "",
    ...over,
  } as Snapshot;
}

function welcome(seq: number, over: Partial<Extract<ServerMessage, { t: "welcome" }>> = {}): ServerMessage {
  return {
    t: "welcome",
    session: "s",
    user: {} as never,
    epoch: "e1",
    seq,
    resume: "live",
    limits: { max_message_bytes: 1 << 20, messages_per_s: 50, max_commands_in_flight: 8, max_topics: 64 },
    heartbeat_ms: 10_000,
    ...over,
  };
}

let desk: Desk;
beforeEach(() => {
  desk = new Desk();
});

describe("C3: resuming", () => {
  test("the first hello follows the first snapshot", async () => {
    desk.snapshots.push(snapshot(10));
    desk.sync.start();
    expect(desk.state).toEqual({ kind: "connecting", attempt: 0 });
    await promisesSettled();
    desk.line.open();
    expect(desk.line.sent).toEqual([
      {
        t: "hello",
        v: 1,
        client: "tab",
        epoch: "e1",
        after: 10,
        topics: ["board", "presence", "desk"],
        visible: true,
      },
    ]);
    desk.line.say(welcome(10));
    expect(desk.state).toEqual({ kind: "live" });
  });

  test("after a lost line the hello goes on from the last record, and catches up before it is live", async () => {
    await desk.live();
    desk.line.say({ t: "rec", ...record(12, 1, 4, { priority: "high" }) });
    desk.line.drop();
    expect(desk.state.kind).toBe("offline");
    await desk.clock.advance(1_000);
    desk.line.open();
    expect(desk.line.sent[0]).toMatchObject({ t: "hello", epoch: "e1", after: 12 });
    desk.line.say(welcome(14, { resume: "replay" }));
    expect(desk.state).toEqual({ kind: "catching-up", why: "replay" });
    desk.line.say({ t: "rec", ...record(13, 1, 5, { priority: "low" }) });
    expect(desk.state.kind).toBe("catching-up");
    desk.line.say({ t: "rec", ...record(14, 2, 2, { status: "open" }) });
    expect(desk.state).toEqual({ kind: "live" });
    expect(desk.sync.tickets.get(1)?.priority).toBe("low");
    expect(desk.asked).toBe(1);
  });

  test("`upto` advances the position too", async () => {
    await desk.live();
    desk.line.say({ t: "upto", seq: 30 });
    desk.line.drop();
    await desk.clock.advance(1_000);
    desk.line.open();
    expect(desk.line.sent[0]).toMatchObject({ after: 30 });
  });

  test("a record that comes twice is taken once", async () => {
    await desk.live();
    const change = { t: "rec" as const, ...record(11, 1, 4, { priority: "high" }) };
    desk.line.say(change, change);
    expect(desk.sync.tickets.get(1)?.version).toBe(4);
    expect(desk.state).toEqual({ kind: "live" });
  });

  test("`lag` shows as catching up until its end has come", async () => {
    await desk.live();
    desk.line.say({ t: "lag", from: 10, to: 20 });
    expect(desk.state).toEqual({ kind: "catching-up", why: "lag" });
    desk.line.say({ t: "upto", seq: 20 });
    expect(desk.state).toEqual({ kind: "live" });
  });

  test("topics of open tickets are part of every hello", async () => {
    await desk.live();
    const close = desk.sync.openTicket(2);
    expect(desk.line.sent.at(-1)).toEqual({ t: "sub", topics: ["ticket:2"] });
    desk.line.drop();
    await desk.clock.advance(1_000);
    desk.line.open();
    expect(desk.line.sent[0]).toMatchObject({ topics: ["board", "presence", "desk", "ticket:2"] });
    desk.line.say(welcome(10));
    close();
    expect(desk.line.sent.at(-1)).toEqual({ t: "unsub", topics: ["ticket:2"] });
  });
});

describe("C4: a snapshot when positions mean nothing", () => {
  test("is fetched on the open line, then the topics are taken from its seq", async () => {
    await desk.live();
    desk.line.drop(1012);
    await desk.clock.advance(1_000);
    desk.line.open();
    desk.snapshots.push(snapshot(3, { epoch: "e2", board: [ticket({ id: 7, version: 2 })] }));
    desk.line.say(welcome(3, { epoch: "e2", resume: "snapshot" }));
    expect(desk.state).toEqual({ kind: "catching-up", why: "snapshot" });
    await promisesSettled();
    expect(desk.line.sent.at(-1)).toEqual({ t: "sub", topics: ["board", "presence", "desk"], after: 3 });
    desk.line.say({ t: "upto", seq: 3 });
    expect(desk.state).toEqual({ kind: "live" });
    expect(desk.sync.tickets.get(1)).toBeUndefined();
    expect(desk.sync.tickets.get(7)?.version).toBe(2);
  });

  test("no topic is asked for before the snapshot is here", async () => {
    await desk.live();
    desk.line.drop(1012);
    await desk.clock.advance(1_000);
    desk.line.open();
    desk.snapshots.push(snapshot(3, { epoch: "e2" }));
    desk.line.say(welcome(3, { epoch: "e2", resume: "snapshot" }));
    desk.sync.openTicket(1);
    expect(desk.line.sent.filter((message) => message.t === "sub")).toEqual([]);
    await promisesSettled();
    expect(desk.line.sent.at(-1)).toEqual({
      t: "sub",
      topics: ["board", "presence", "desk", "ticket:1"],
      after: 3,
    });
  });
});

describe("C5: a gap in a ticket's versions", () => {
  test("starts again from a snapshot", async () => {
    await desk.live();
    const first = desk.line;
    desk.snapshots.push(snapshot(20, { board: [ticket({ id: 1, version: 6, priority: "urgent" })] }));
    first.say({ t: "rec", ...record(19, 1, 5, { priority: "urgent" }) });
    expect(desk.state).toEqual({ kind: "catching-up", why: "mismatch" });
    expect(first.closedWith).not.toBeNull();
    await desk.clock.advance(10);
    desk.line.open();
    expect(desk.line).not.toBe(first);
    expect(desk.line.sent[0]).toMatchObject({ t: "hello", after: 20 });
    desk.line.say(welcome(20));
    expect(desk.state).toEqual({ kind: "live" });
    expect(desk.sync.tickets.get(1)?.version).toBe(6);
  });
});

describe("C6: a board hash that differs", () => {
  test("is shown, and leads to a snapshot", async () => {
    await desk.live();
    desk.snapshots.push(snapshot(20));
    desk.line.say({ t: "upto", seq: 11, board: "0123456789abcdef" });
    expect(desk.state).toEqual({ kind: "catching-up", why: "mismatch" });
    await desk.clock.advance(10);
    expect(desk.asked).toBe(2);
  });

  test("one that agrees changes nothing", async () => {
    await desk.live();
    desk.line.say({ t: "upto", seq: 11, board: desk.sync.boardHash() });
    expect(desk.state).toEqual({ kind: "live" });
  });

  test("a server that always disagrees is asked less and less often", async () => {
    await desk.live();
    for (let turn = 0; turn < 40; turn += 1) {
      desk.snapshots.push(snapshot(20));
      if (desk.line.closedWith === null) {
        desk.line.open();
        desk.line.say(welcome(20));
        desk.line.say({ t: "upto", seq: 20, board: "0123456789abcdef" });
      }
      await desk.clock.advance(500);
    }
    // In 20 seconds a plain loop would have asked 40 times.
    expect(desk.asked).toBeLessThan(15);
  });
});

describe("C8: a line that falls silent", () => {
  test("is given up after two heartbeats and a grace, and not before", async () => {
    await desk.live();
    await desk.clock.advance(24_000);
    expect(desk.state).toEqual({ kind: "live" });
    desk.line.say({ t: "upto", seq: 10 });
    await desk.clock.advance(24_900);
    expect(desk.state).toEqual({ kind: "live" });
    await desk.clock.advance(200);
    expect(desk.state.kind).toBe("offline");
  });

  test("is noticed at once by whoever looks after a sleep", async () => {
    await desk.live();
    // Timers slept; only the clock went on.
    const asleep = desk.clock.now() + 3_600_000;
    desk.clock.now = () => asleep;
    desk.sync.connection.nudge();
    expect(desk.state.kind).toBe("offline");
  });

  test("a handshake that is never answered is given up too", async () => {
    desk.snapshots.push(snapshot(10));
    desk.sync.start();
    await desk.clock.advance(10_100);
    expect(desk.state.kind).toBe("offline");
  });
});

describe("C34: a refusal that names no command", () => {
  test("is passed on, not dropped", async () => {
    await desk.live();
    const told: string[] = [];
    desk.sync.faults.subscribe(({ code }) => told.push(code));
    desk.line.say({ t: "err", code: "unknown_topic", message: "", retryable: false } as ServerMessage);
    expect(told).toEqual(["unknown_topic"]);
  });
});

describe("C2: a server that goes away", () => {
  test("is left and met again after the delay that it gave, with jitter", async () => {
    await desk.live();
    desk.clock.random = () => 0.5;
    desk.line.say({ t: "drain", after_ms: 2_000, jitter_ms: 4_000 });
    expect(desk.state).toEqual({ kind: "live" });
    await desk.clock.advance(3_900);
    expect(desk.lines).toHaveLength(1);
    await desk.clock.advance(200);
    expect(desk.lines).toHaveLength(2);
  });

  test("a close within the delay waits for the rest of it", async () => {
    await desk.live();
    desk.clock.random = () => 0;
    desk.line.say({ t: "drain", after_ms: 5_000, jitter_ms: 0 });
    await desk.clock.advance(1_000);
    desk.line.drop(1001);
    expect(desk.state).toMatchObject({ kind: "offline", retryAt: desk.clock.now() + 4_000 });
  });
});

describe("C1: coming back", () => {
  test("a session that is over stops for good", async () => {
    await desk.live();
    desk.line.drop(4001);
    await desk.clock.advance(600_000);
    expect(desk.state).toEqual({ kind: "signed-out" });
    expect(desk.lines).toHaveLength(1);
  });

  test("a refused handshake asks the server whether we are still signed in", async () => {
    await desk.live();
    desk.line.drop();
    await desk.clock.advance(1_000);
    desk.probe = new ProblemError({ code: "not_signed_in", status: 401, retryable: false });
    desk.line.drop(1006);
    await promisesSettled();
    expect(desk.state).toEqual({ kind: "signed-out" });
  });

  test("a nudge does not wait for the timer", async () => {
    await desk.live();
    desk.clock.random = () => 0.99;
    desk.line.drop();
    desk.sync.connection.nudge();
    expect(desk.lines).toHaveLength(2);
  });

  test("a nudge while a line is being dialled is not lost: should it fail, the next one is dialled at once", async () => {
    await desk.live();
    desk.clock.random = () => 0.99;
    desk.line.drop();
    await desk.clock.advance(60_000);
    const dialled = desk.lines.length;
    expect(desk.state.kind).toBe("connecting");
    desk.sync.connection.nudge();
    expect(desk.lines).toHaveLength(dialled);
    desk.line.drop(1006);
    await promisesSettled();
    await desk.clock.advance(0);
    expect(desk.lines).toHaveLength(dialled + 1);
    // Once: a network that was not back after all is not hammered.
    desk.line.drop(1006);
    await promisesSettled();
    await desk.clock.advance(100);
    expect(desk.lines).toHaveLength(dialled + 1);
  });

  test("a snapshot that cannot be had is asked for again", async () => {
    desk.snapshots.push(new ProblemError({ code: "unreachable", status: 0, retryable: true }), snapshot(10));
    desk.sync.start();
    await promisesSettled();
    expect(desk.state.kind).toBe("offline");
    expect(desk.sync.loaded).toBe(false);
    await desk.clock.advance(1_000);
    expect(desk.sync.loaded).toBe(true);
  });

  test("a stopped connection stays stopped, whatever was on its way", async () => {
    desk.snapshots.push(snapshot(10));
    desk.sync.start();
    desk.sync.stop();
    await desk.clock.advance(60_000);
    expect(desk.lines).toHaveLength(0);
  });
});
