import { describe, expect, test } from "vitest";
import type { ServerMessage } from "@/protocol/types";
import { FallbackTransport } from "./fallback-transport";
import { ManualClock } from "./testing/manual-clock";
import type { Link, LinkHandlers, Transport } from "./transport";

class Fake implements Transport {
  readonly links: { handlers: LinkHandlers; closed: boolean }[] = [];
  connect(handlers: LinkHandlers): Link {
    const link = { handlers, closed: false };
    this.links.push(link);
    return {
      send: () => {},
      close: () => {
        link.closed = true;
      },
    };
  }
  get last(): LinkHandlers {
    const link = this.links.at(-1);
    if (link === undefined) throw new Error("nobody connected");
    return link.handlers;
  }
}

function transports() {
  const clock = new ManualClock();
  const socket = new Fake();
  const poll = new Fake();
  const both = new FallbackTransport(socket, poll, clock);
  const heard: ServerMessage[] = [];
  const dial = () =>
    both.connect({ opened: () => {}, received: (messages) => heard.push(...messages), closed: () => {} });
  const refuse = (times: number) => {
    for (let time = 0; time < times; time += 1) {
      dial();
      socket.last.closed({ code: 1006, reason: "" });
    }
  };
  return { clock, socket, poll, both, heard, dial, refuse };
}

const word: ServerMessage = { t: "upto", seq: 1 };

describe("C45: falling back", () => {
  test("happens after three sockets that never said a word", () => {
    const { both, refuse, poll, dial } = transports();
    refuse(2);
    expect(both.mode.get()).toBe("socket");
    refuse(1);
    expect(both.mode.get()).toBe("polling");
    dial();
    expect(poll.links).toHaveLength(1);
  });

  test("a socket that spoke, or whose server said why it closed, counts for nothing", () => {
    const { both, refuse, dial, socket } = transports();
    refuse(2);
    dial();
    socket.last.received([word]);
    socket.last.closed({ code: 1006, reason: "" });
    refuse(2);
    dial();
    socket.last.closed({ code: 4201, reason: "" });
    expect(both.mode.get()).toBe("socket");
  });

  test("a socket that is given up after waiting in vain counts, one that nobody waited for does not", async () => {
    const { both, dial, clock } = transports();
    for (let time = 0; time < 5; time += 1) dial().close();
    expect(both.mode.get()).toBe("socket");
    for (let time = 0; time < 3; time += 1) {
      const link = dial();
      await clock.advance(10_000);
      link.close();
    }
    expect(both.mode.get()).toBe("polling");
  });

  test("a socket that opens again is returned to, less and less often asked for", async () => {
    const { both, refuse, dial, socket, poll, clock, heard } = transports();
    refuse(3);
    dial();
    poll.last.opened();
    const tries = () => socket.links.length - 3;
    await clock.advance(60_000);
    expect(tries()).toBe(1);
    socket.last.closed({ code: 1006, reason: "" });
    await clock.advance(60_000);
    expect(tries()).toBe(1);
    await clock.advance(60_000);
    expect(tries()).toBe(2);
    socket.last.opened();
    expect(both.mode.get()).toBe("socket");
    expect(heard).toEqual([{ t: "drain", after_ms: 0, jitter_ms: 0 }]);
    expect(socket.links.at(-1)?.closed).toBe(true);
  });

  test("a server that does not answer calls either is asked for a socket first", () => {
    const { both, refuse, dial, poll } = transports();
    refuse(3);
    dial();
    poll.last.closed({ code: 1006, reason: "" });
    expect(both.mode.get()).toBe("socket");
    refuse(1);
    expect(both.mode.get()).toBe("polling");
  });
});
