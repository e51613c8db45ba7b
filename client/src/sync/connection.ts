import type {
  ClientMessage,
  DeskChanged,
  Limits,
  LiveChange,
  PresentUser,
  ServerMessage,
  Snapshot,
  TicketRecord,
} from "@/protocol/types";
import { Cell } from "./cell";
import type { Cancel, Clock } from "./clock";
import { asProblem } from "./problem-error";
import { type Close, fullJitter, nextStep } from "./reconnect-policy";
import type { Link, Transport } from "./transport";

export type CatchUp = "first-load" | "replay" | "snapshot" | "lag" | "mismatch";

export type ConnectionState =
  | { kind: "connecting"; attempt: number }
  | { kind: "catching-up"; why: CatchUp }
  | { kind: "live" }
  | { kind: "offline"; attempt: number; retryAt: number }
  | { kind: "signed-out" }
  | { kind: "forbidden" }
  | { kind: "superseded" };

/** What the connection needs to know of the replica, and whom it tells. */
export interface ConnectionHost {
  position(): { epoch: string; seq: number } | null;
  topics(): string[];
  visible(): boolean;
  /** The desk as it stands, for a replica that has no position to resume from. */
  fetchSnapshot(): Promise<Snapshot>;
  /** Whether the server still knows who we are; asked when a link dies before it said `welcome`. */
  probe(): Promise<void>;
  replaced(snapshot: Snapshot): void;
  welcomed(limits: Limits): void;
  lost(): void;
  /** Answers whether the replica can be trusted after it. */
  record(record: TicketRecord): boolean;
  upto(seq: number, board: string | undefined): boolean;
  answered(answer: Extract<ServerMessage, { t: "ok" | "err" }>): void;
  presence(ticket: number, users: PresentUser[]): void;
  figures(change: LiveChange): void;
  besideChanged(revisions: DeskChanged): void;
  /** Everything that arrived together has been told. */
  settled(): void;
}

/** `upto` comes at least this often, so a shorter silence proves nothing. */
const UPTO_EVERY_MS = 15_000;
const SILENCE_GRACE_MS = 5_000;
/** From dialling to `welcome`. */
const HANDSHAKE_MS = 10_000;

/**
 * One tab's line to the server: opens it, says hello, resumes where the replica stands, notices when the line is dead,
 * and comes back as the server asked. It knows nothing about tickets.
 */
export class Connection {
  readonly state = new Cell<ConnectionState>({ kind: "connecting", attempt: 0 });

  readonly #transport: Transport;
  readonly #host: ConnectionHost;
  readonly #clock: Clock;
  readonly #client: string;

  #link: Link | null = null;
  /** Grows with every link, so that what an old one still says is not heard. */
  #turn = 0;
  #attempt = 0;
  #mismatches = 0;
  #welcomed = false;
  #snapshotting = false;
  /** Live once everything at or below this has arrived. */
  #target = 0;
  #why: CatchUp = "first-load";
  #drainUntil: number | null = null;
  /** The network came back while a line was being dialled: should that fail, the next try is at once. */
  #nudged = false;
  #silenceMs = HANDSHAKE_MS;
  #lastHeard = 0;
  #stopRetry: Cancel = () => {};
  #stopWatch: Cancel = () => {};
  #stopDrain: Cancel = () => {};

  constructor(transport: Transport, host: ConnectionHost, clock: Clock, client: string) {
    this.#transport = transport;
    this.#host = host;
    this.#clock = clock;
    this.#client = client;
  }

  start(): void {
    this.#open();
  }

  /** Leaves for good: signing out, or the tab goes away. */
  stop(): void {
    this.#hangUp();
    // A snapshot may still be on its way; it must not dial.
    this.#turn += 1;
    this.#stopRetry();
  }

  /** The network is back, or somebody looks at the tab again: do not wait for the timer. */
  nudge(): void {
    const state = this.state.get();
    if (state.kind === "offline") {
      this.#stopRetry();
      this.#open();
    } else if (this.#link !== null && this.#clock.now() - this.#lastHeard > this.#silenceMs) {
      // Timers sleep with a laptop; this is the first moment after it woke up.
      this.#broken({ code: 1006, reason: "silent" });
    } else if (!this.#welcomed) {
      this.#nudged = true;
    }
  }

  /** False when nothing can be sent now. */
  send(message: ClientMessage): boolean {
    if (!this.#welcomed || this.#link === null) return false;
    this.#link.send(message);
    return true;
  }

  /** Also asks for what these topics bring. They must be among the host's topics already. */
  subscribe(topics: string[]): void {
    // Until a snapshot has come, a `sub` would say where to start; all topics go with it then.
    if (!this.#snapshotting) this.send({ t: "sub", topics });
  }

  unsubscribe(topics: string[]): void {
    if (!this.#snapshotting) this.send({ t: "unsub", topics });
  }

  #open(): void {
    this.#hangUp();
    this.#turn += 1;
    const turn = this.#turn;
    const position = this.#host.position();
    if (position !== null) {
      this.state.set({ kind: "connecting", attempt: this.#attempt });
      this.#dial(turn);
      return;
    }
    this.state.set(
      this.#why === "first-load"
        ? { kind: "connecting", attempt: this.#attempt }
        : { kind: "catching-up", why: this.#why },
    );
    this.#host.fetchSnapshot().then(
      (snapshot) => {
        if (turn !== this.#turn) return;
        this.#host.replaced(snapshot);
        this.#host.settled();
        this.#dial(turn);
      },
      (error: unknown) => {
        if (turn === this.#turn) this.#failed(error);
      },
    );
  }

  #dial(turn: number): void {
    const current = (act: () => void) => {
      if (turn === this.#turn) act();
    };
    this.#lastHeard = this.#clock.now();
    this.#silenceMs = HANDSHAKE_MS;
    this.#link = this.#transport.connect({
      opened: () =>
        current(() => {
          const position = this.#host.position();
          this.#link?.send({
            t: "hello",
            v: 1,
            client: this.#client,
            ...(position === null ? {} : { epoch: position.epoch, after: position.seq }),
            topics: this.#host.topics(),
            visible: this.#host.visible(),
          });
        }),
      received: (messages) =>
        current(() => {
          this.#lastHeard = this.#clock.now();
          for (const message of messages) {
            this.#hear(message);
            // A message may have ended this link; what came behind it will be sent again.
            if (turn !== this.#turn) break;
          }
          this.#host.settled();
        }),
      closed: (close) => current(() => this.#closed(close)),
    });
    this.#watch(turn);
  }

  #hear(message: ServerMessage): void {
    switch (message.t) {
      case "welcome": {
        this.#welcomed = true;
        this.#nudged = false;
        this.#attempt = 0;
        this.#silenceMs = Math.max(2 * message.heartbeat_ms, UPTO_EVERY_MS) + SILENCE_GRACE_MS;
        this.#watch(this.#turn);
        this.#target = message.seq;
        if (message.resume === "snapshot") {
          this.#catchUp("snapshot");
          this.#resnapshot();
        } else if (message.resume === "replay" && (this.#host.position()?.seq ?? 0) < message.seq) {
          this.#catchUp(this.#why === "first-load" ? "first-load" : "replay");
        } else {
          this.#live();
        }
        this.#host.welcomed(message.limits);
        break;
      }
      case "rec": {
        if (this.#snapshotting) break;
        const { t: _, ...record } = message;
        if (!this.#host.record(record)) {
          this.#mismatch();
          break;
        }
        this.#arrived(record.seq);
        break;
      }
      case "upto": {
        if (this.#snapshotting) break;
        if (!this.#host.upto(message.seq, message.board)) {
          this.#mismatch();
          break;
        }
        if (message.board !== undefined) this.#mismatches = 0;
        this.#arrived(message.seq);
        break;
      }
      case "ok":
      case "err":
        this.#host.answered(message);
        break;
      case "presence":
        this.#host.presence(message.ticket, message.users);
        break;
      case "analytics": {
        const { t: _, ...change } = message;
        this.#host.figures(change);
        break;
      }
      case "desk": {
        const { t: _, ...revisions } = message;
        this.#host.besideChanged(revisions);
        break;
      }
      case "lag":
        this.#target = Math.max(this.#target, message.to);
        this.#catchUp("lag");
        break;
      case "drain": {
        const delayMs = message.after_ms + this.#clock.random() * message.jitter_ms;
        this.#drainUntil = this.#clock.now() + delayMs;
        this.#stopDrain();
        this.#stopDrain = this.#clock.after(delayMs, () => this.#open());
        break;
      }
      default:
        // Later servers say more; what we do not know does not concern us.
        break;
    }
  }

  #arrived(seq: number): void {
    if (this.state.get().kind === "catching-up" && seq >= this.#target) this.#live();
  }

  #live(): void {
    this.#why = "replay";
    this.state.set({ kind: "live" });
  }

  #catchUp(why: CatchUp): void {
    this.#why = why;
    const state = this.state.get();
    if (state.kind !== "catching-up" || state.why !== why) this.state.set({ kind: "catching-up", why });
  }

  /** `welcome` said that the position is worth nothing: start from a snapshot on the line that is open. */
  #resnapshot(): void {
    const turn = this.#turn;
    this.#snapshotting = true;
    this.#host.fetchSnapshot().then(
      (snapshot) => {
        if (turn !== this.#turn) return;
        this.#snapshotting = false;
        this.#host.replaced(snapshot);
        this.#target = snapshot.seq;
        this.#link?.send({ t: "sub", topics: this.#host.topics(), after: snapshot.seq });
        this.#host.settled();
      },
      (error: unknown) => {
        if (turn !== this.#turn) return;
        this.#hangUp();
        this.#failed(error);
      },
    );
  }

  /**
   * The replica missed something. Everything it would do from here on is suspect, so it starts again from a snapshot;
   * a server that disagrees each time is asked less and less often.
   */
  #mismatch(): void {
    this.#hangUp();
    this.#turn += 1;
    this.#why = "mismatch";
    this.state.set({ kind: "catching-up", why: "mismatch" });
    const delayMs = this.#mismatches === 0 ? 0 : fullJitter(this.#mismatches, this.#clock);
    this.#mismatches += 1;
    this.#stopRetry();
    this.#stopRetry = this.#clock.after(delayMs, () => this.#open());
  }

  #closed(close: Close): void {
    const before = this.#welcomed;
    if (before || close.code >= 4000) {
      this.#broken(close);
      return;
    }
    // A refused handshake looks like a dead network to a browser; only a request can tell them apart.
    this.#hangUp();
    this.#turn += 1;
    const turn = this.#turn;
    this.#host.probe().then(
      () => {
        if (turn === this.#turn) this.#broken(close);
      },
      (error: unknown) => {
        if (turn === this.#turn) this.#failed(error);
      },
    );
  }

  #failed(error: unknown): void {
    const problem = asProblem(error);
    if (problem.status === 401) this.#broken({ code: 4001, reason: "" });
    else if (problem.status === 403) this.#broken({ code: 4003, reason: "" });
    else this.#broken({ code: 1006, reason: problem.code });
  }

  #broken(close: Close): void {
    const drainUntil = this.#drainUntil;
    const atOnce = this.#nudged && close.code < 4000;
    this.#nudged = false;
    this.#hangUp();
    this.#turn += 1;
    const step = nextStep(close, this.#attempt, this.#clock);
    if (step.kind === "stop") {
      this.#stopRetry();
      this.state.set({ kind: step.why });
      return;
    }
    const now = this.#clock.now();
    const delayMs = drainUntil !== null ? Math.max(drainUntil - now, 0) : atOnce ? 0 : step.delayMs;
    this.#attempt += 1;
    this.state.set({ kind: "offline", attempt: this.#attempt, retryAt: now + delayMs });
    this.#stopRetry();
    this.#stopRetry = this.#clock.after(delayMs, () => this.#open());
  }

  #watch(turn: number): void {
    this.#stopWatch();
    const deadline = this.#lastHeard + this.#silenceMs;
    this.#stopWatch = this.#clock.after(Math.max(deadline - this.#clock.now(), 1), () => {
      if (turn !== this.#turn) return;
      if (this.#clock.now() - this.#lastHeard >= this.#silenceMs)
        this.#broken({ code: 1006, reason: "silent" });
      else this.#watch(turn);
    });
  }

  #hangUp(): void {
    const link = this.#link;
    this.#link = null;
    this.#snapshotting = false;
    this.#drainUntil = null;
    this.#stopWatch();
    this.#stopDrain();
    if (link !== null) {
      // Its `closed` belongs to a turn that is over.
      this.#turn += 1;
      link.close();
    }
    if (this.#welcomed) {
      this.#welcomed = false;
      this.#host.lost();
    }
  }
}
