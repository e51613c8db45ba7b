import type {
  ClientMessage,
  Command,
  Events,
  PresenceNow,
  PresenceState,
  ServerMessage,
  Ticket,
} from "@/protocol/types";
import { type Fetch, refusal } from "./api";
import { browserClock, type Cancel, type Clock } from "./clock";
import type { Close } from "./reconnect-policy";
import type { Link, LinkHandlers, Transport } from "./transport";

/** The server holds a call for at most 30 s; shorter, so that a proxy with half a minute of patience does not cut it. */
const WAIT_S = 20;
const PAGE = 1_000;
/** Well within the time after which the server takes a silent client for gone. */
const BEAT_MS = 10_000;
/** Further behind than this, a snapshot is the shorter way. */
const REPLAY_PAGES = 5;

/**
 * The same conversation as over a WebSocket, held over calls that wait: records come by `/events`, each command is a call of
 * its own under its own key. Who is where is told and asked by one more, every few seconds.
 */
export function longPollTransport(fetch: Fetch, base = "/api/v1", clock: Clock = browserClock): Transport {
  return { connect: (handlers) => new LongPoll(fetch, base, handlers, clock) };
}

class LongPoll implements Link {
  readonly #fetch: Fetch;
  readonly #base: string;
  readonly #handlers: LinkHandlers;
  readonly #topics = new Set<string>();
  #alive = true;
  #epoch: string | null = null;
  #after: number | null = null;
  /** Ends the call that waits; what it would have brought comes by the next one. */
  #poll: AbortController | null = null;
  readonly #commands = new AbortController();

  readonly #clock: Clock;
  #client = "";
  #visible = true;
  /** Tickets that somebody was last said to be at. */
  #peopled = new Set<number>();
  /** Reports go one after the other: the last one counts. */
  #telling: Promise<void> = Promise.resolve();
  #beat: Cancel = () => {};

  constructor(fetch: Fetch, base: string, handlers: LinkHandlers, clock: Clock) {
    this.#clock = clock;
    this.#fetch = fetch;
    this.#base = base;
    this.#handlers = handlers;
    // Who cannot even be asked who we are will not answer anything else; and a refusal says more than a dead line.
    void this.#get<unknown>("/me").then((me) => {
      if (me !== null && this.#alive) this.#handlers.opened();
    });
  }

  send(message: ClientMessage): void {
    if (!this.#alive) return;
    switch (message.t) {
      case "hello":
        for (const topic of message.topics) this.#topics.add(topic);
        this.#epoch = message.epoch ?? null;
        this.#client = message.client;
        this.#visible = message.visible ?? true;
        void this.#resume(message.after ?? null);
        break;
      case "sub":
        for (const topic of message.topics) this.#topics.add(topic);
        if (message.after !== undefined) {
          this.#after = message.after;
          // Whatever epoch the snapshot was of: the first answer says which.
          this.#epoch = null;
        }
        this.#turn();
        break;
      case "unsub":
        for (const topic of message.topics) this.#topics.delete(topic);
        this.#turn();
        break;
      case "cmd":
        void this.#command(message);
        break;
      case "presence":
        this.#tell({ ticket: message.ticket, state: message.state });
        break;
      case "visible":
        this.#visible = message.visible;
        this.#tell();
        break;
    }
  }

  close(code = 1000): void {
    this.#stop();
    queueMicrotask(() => this.#finish({ code, reason: "" }));
  }

  #stop(): void {
    this.#alive = false;
    this.#beat();
    this.#poll?.abort();
    this.#commands.abort();
  }

  #finished = false;
  #finish(close: Close): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#stop();
    this.#handlers.closed(close);
  }

  async #resume(after: number | null): Promise<void> {
    let place = after;
    const missed: ServerMessage[] = [];
    let known = place !== null;
    for (let page = 0; place !== null && known; page += 1) {
      const events: Events | "resnapshot" | null = await this.#events(place, 0);
      if (events === null) return;
      if (events === "resnapshot" || page === REPLAY_PAGES) {
        known = false;
        break;
      }
      this.#epoch = events.epoch;
      place = events.next_after;
      for (const record of events.records) missed.push({ t: "rec", ...record });
      if (events.records.length < PAGE) break;
    }
    if (!this.#alive) return;
    this.#say(
      {
        t: "welcome",
        session: "long-poll",
        epoch: this.#epoch ?? "",
        seq: place ?? 0,
        resume: known ? "replay" : "snapshot",
        limits: {
          max_message_bytes: 256 * 1_024,
          messages_per_s: 20,
          max_commands_in_flight: 4,
          max_topics: 64,
        },
        heartbeat_ms: WAIT_S * 1_000,
      } as Extract<ServerMessage, { t: "welcome" }>,
      ...(known && place !== null ? [...missed, { t: "upto" as const, seq: place }] : []),
    );
    this.#tell();
    if (!known || !this.#alive) return;
    this.#after = place;
    this.#turn();
  }

  #tell(at: { ticket: number; state: PresenceState } | null = null): void {
    this.#telling = this.#telling.then(() => this.#presence(at));
  }

  /** Presence is a courtesy: what is wrong with the line shows where records come, and the next beat tells it again. */
  async #presence(at: { ticket: number; state: PresenceState } | null): Promise<void> {
    if (!this.#alive || !this.#topics.has("presence")) return;
    this.#beat();
    try {
      const response = await this.#fetch(`${this.#base}/presence`, {
        method: "POST",
        credentials: "same-origin",
        headers: { accept: "application/json", "content-type": "application/json" },
        body: JSON.stringify({ client: this.#client, visible: this.#visible, ...at }),
        signal: this.#commands.signal,
      });
      if (response.ok) this.#hear((await response.json()) as PresenceNow);
    } catch {
      // As above.
    }
    if (this.#alive) this.#beat = this.#clock.after(BEAT_MS, () => this.#tell());
  }

  #hear({ data }: PresenceNow): void {
    const before = this.#peopled;
    this.#peopled = new Set(data.map((update) => update.ticket));
    const left = [...before].filter((ticket) => !this.#peopled.has(ticket));
    this.#say(
      ...data.map((update) => ({ t: "presence" as const, ...update })),
      ...left.map((ticket) => ({ t: "presence" as const, ticket, users: [] })),
    );
  }

  /** Begins to wait, or begins anew with what is wanted now. */
  #turn(): void {
    if (this.#after === null || !this.#alive) return;
    const running = this.#poll;
    this.#poll = null;
    running?.abort();
    void this.#wait();
  }

  async #wait(): Promise<void> {
    const mine = new AbortController();
    this.#poll = mine;
    // The first answer is asked for at once: it says how far everything is.
    let wait = 0;
    while (this.#alive && this.#poll === mine && this.#after !== null) {
      const events = await this.#events(this.#after, wait, mine.signal);
      if (events === null || this.#poll !== mine) return;
      if (events === "resnapshot") {
        this.#finish({ code: 4200, reason: "0" });
        return;
      }
      wait = events.records.length === PAGE ? 0 : WAIT_S;
      this.#epoch = events.epoch;
      this.#after = events.next_after;
      this.#say(...events.records.map((record) => ({ t: "rec" as const, ...record })), {
        t: "upto",
        seq: events.next_after,
      });
    }
  }

  async #events(after: number, wait: number, signal?: AbortSignal): Promise<Events | "resnapshot" | null> {
    const query = new URLSearchParams({ after: String(after), limit: String(PAGE), wait: String(wait) });
    if (this.#epoch !== null && this.#epoch !== "") query.set("epoch", this.#epoch);
    query.set("topics", [...this.#topics].filter((topic) => topic !== "presence").join(","));
    return this.#get<Events>(`/events?${query}`, signal);
  }

  /** Null when the link is over, or the call was given up. */
  async #get<T>(path: string, signal = this.#commands.signal): Promise<T | "resnapshot" | null> {
    let response: Response;
    try {
      response = await this.#fetch(this.#base + path, {
        credentials: "same-origin",
        headers: { accept: "application/json" },
        signal,
      });
      if (response.ok) return (await response.json()) as T;
    } catch {
      if (this.#alive && !signal.aborted) this.#finish({ code: 1006, reason: "unreachable" });
      return null;
    }
    const problem = await refusal(response);
    if (problem.code === "resnapshot") return "resnapshot";
    if (this.#alive) this.#finish({ code: closeCode(problem.status), reason: problem.code });
    return null;
  }

  async #command(message: Extract<ClientMessage, { t: "cmd" }>): Promise<void> {
    const { id, ticket, expect } = message;
    const { method, path, body } = callOf(ticket, message.do);
    let response: Response;
    let answer: { id?: number; ticket?: Ticket } | null;
    try {
      response = await this.#fetch(this.#base + path, {
        method,
        credentials: "same-origin",
        headers: {
          accept: "application/json",
          "content-type": "application/json",
          "idempotency-key": id,
          ...(expect === undefined ? {} : { "if-match": `"${expect}"` }),
        },
        body: JSON.stringify(body),
        signal: this.#commands.signal,
      });
      answer = response.ok && response.status !== 204 ? ((await response.json()) as typeof answer) : null;
    } catch {
      // Whether it was done is not known; the outbox asks again under the same key.
      if (this.#alive) this.#finish({ code: 1006, reason: "unreachable" });
      return;
    }
    if (!this.#alive) return;
    if (response.ok) {
      this.#say({
        t: "ok",
        id,
        seq: Number(response.headers.get("x-hotdesk-seq") ?? 0),
        version: Number((response.headers.get("etag") ?? "").replace(/\D/g, "")),
        ticket: answer === null ? null : (answer.ticket?.id ?? answer.id ?? ticket ?? null),
      });
      return;
    }
    const problem = await refusal(response);
    if (problem.status === 401) {
      this.#finish({ code: 4001, reason: problem.code });
      return;
    }
    this.#say({
      t: "err",
      id,
      code: problem.code,
      message: problem.message,
      retryable: problem.retryable,
      ...problem.details,
    } as Extract<ServerMessage, { t: "err" }>);
  }

  #say(...messages: ServerMessage[]): void {
    if (this.#alive) this.#handlers.received(messages);
  }
}

function closeCode(status: number): number {
  return status === 401 ? 4001 : status === 403 ? 4003 : 1006;
}

/** Where the contract has each command as a call. */
export function callOf(
  ticket: number | undefined,
  command: Command,
): { method: "POST" | "PATCH"; path: string; body: object } {
  const { type, ...body } = command;
  switch (type) {
    case "create":
      return { method: "POST", path: "/tickets", body };
    case "claim_next":
      return { method: "POST", path: "/queue/claim", body };
    case "update":
      return { method: "PATCH", path: `/tickets/${ticket}`, body };
    case "message":
      return { method: "POST", path: `/tickets/${ticket}/messages`, body };
    case "triage_accept":
      return { method: "POST", path: `/tickets/${ticket}/triage/accept`, body };
    case "triage_reject":
      return { method: "POST", path: `/tickets/${ticket}/triage/reject`, body };
    default:
      return { method: "POST", path: `/tickets/${ticket}/${type}`, body };
  }
}
