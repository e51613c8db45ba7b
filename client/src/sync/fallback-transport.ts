import { Cell } from "./cell";
import type { Cancel, Clock } from "./clock";
import type { Close } from "./reconnect-policy";
import type { Link, LinkHandlers, Transport } from "./transport";

export type Mode = "socket" | "polling";

/** So many lines in a row that never said a word mean that something on the way does not let them through. */
const FAILURES = 3;
/** A line that is given up sooner than this was not refused: nobody waited for it. */
const PATIENCE_MS = 5_000;
const RETURN_MS = 60_000;
const RETURN_CAP_MS = 16 * 60_000;

/**
 * The socket while it can be had, long polls while it cannot, and back as soon as a socket opens again. Who uses it
 * notices nothing but a `drain` that asks to dial anew.
 */
export class FallbackTransport implements Transport {
  readonly mode = new Cell<Mode>("socket");
  readonly #socket: Transport;
  readonly #poll: Transport;
  readonly #clock: Clock;
  #failures = 0;
  #returnMs = RETURN_MS;

  constructor(socket: Transport, poll: Transport, clock: Clock) {
    this.#socket = socket;
    this.#poll = poll;
    this.#clock = clock;
  }

  connect(handlers: LinkHandlers): Link {
    return this.mode.get() === "socket" ? this.#overSocket(handlers) : this.#overPolls(handlers);
  }

  #overSocket(handlers: LinkHandlers): Link {
    const begun = this.#clock.now();
    let spoke = false;
    let judged = false;
    const failed = () => {
      if (judged || spoke) return;
      judged = true;
      this.#failures += 1;
      if (this.#failures >= FAILURES) this.mode.set("polling");
    };
    const link = this.#socket.connect({
      opened: () => handlers.opened(),
      received: (messages) => {
        spoke = true;
        this.#failures = 0;
        this.#returnMs = RETURN_MS;
        handlers.received(messages);
      },
      closed: (close: Close) => {
        // From 4000 on it is the server that speaks: the line itself works.
        if (close.code < 4000) failed();
        handlers.closed(close);
      },
    });
    return {
      send: (message) => link.send(message),
      close: (code) => {
        if (this.#clock.now() - begun >= PATIENCE_MS) failed();
        judged = true;
        link.close(code);
      },
    };
  }

  #overPolls(handlers: LinkHandlers): Link {
    let stopTrying: Cancel = () => {};
    let probe: Link | null = null;
    let over = false;
    let opened = false;
    const end = () => {
      over = true;
      stopTrying();
      probe?.close();
      probe = null;
    };
    const tryLater = () => {
      stopTrying = this.#clock.after(this.#returnMs, () => {
        this.#returnMs = Math.min(this.#returnMs * 2, RETURN_CAP_MS);
        probe = this.#socket.connect({
          opened: () => {
            if (over) return;
            end();
            this.#failures = FAILURES - 1;
            this.mode.set("socket");
            handlers.received([{ t: "drain", after_ms: 0, jitter_ms: 0 }]);
          },
          received: () => {},
          closed: () => {
            probe = null;
            if (!over) tryLater();
          },
        });
      });
    };
    const link = this.#poll.connect({
      opened: () => {
        opened = true;
        handlers.opened();
        tryLater();
      },
      received: (messages) => handlers.received(messages),
      closed: (close) => {
        // Nobody answers here either: it was not the socket's fault, so it is asked first again.
        if (!opened && close.code < 4000) {
          this.#failures = FAILURES - 1;
          this.mode.set("socket");
        }
        end();
        handlers.closed(close);
      },
    });
    return {
      send: (message) => link.send(message),
      close: (code) => {
        end();
        link.close(code);
      },
    };
  }
}
