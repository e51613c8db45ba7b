import type {
  ClientMessage,
  Command,
  Me,
  Message,
  Patch,
  ServerMessage,
  Snapshot,
  Ticket,
  TicketRecord,
  TicketWithThread,
} from "@/protocol/types";
import { BoardHash } from "../board-hash";
import type { Clock } from "../clock";
import { ProblemError } from "../problem-error";
import type { Link, LinkHandlers, Transport } from "../transport";
import { ticket as newTicket } from "./tickets";

type Answer = Extract<ServerMessage, { t: "ok" | "err" }>;

/** How long, and how badly, the wire between one peer and the server takes. */
export interface Weather {
  latencyMs(): number;
  /** Whether one record vanishes without a trace: a bug that the client must notice by itself. */
  swallows(): boolean;
  /** Whether the server says that it is overloaded instead of doing a command. */
  overloaded(): boolean;
}

export const calm: Weather = { latencyMs: () => 5, swallows: () => false, overloaded: () => false };

/**
 * The desk in miniature, written from the wire contract and not from the client: one journal, commands that are done
 * once by id, refusals, resume by position, board hashes, restores under a new epoch.
 */
export class ModelServer {
  epoch = "e1";
  readonly journal: TicketRecord[] = [];
  tickets = new Map<number, Ticket>();
  /** How often each command id took effect. */
  readonly effects = new Map<string, number>();
  up = true;
  snapshots = 0;

  readonly #clock: Clock;
  readonly #sessions = new Set<Session>();
  #answers = new Map<string, Answer>();
  #generation = 1;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get seq(): number {
    return this.journal.length;
  }

  hash(): string {
    const hash = new BoardHash();
    for (const ticket of this.tickets.values()) {
      if (ticket.status !== "closed") hash.toggle(ticket.id, ticket.version);
    }
    return hash.toString();
  }

  board(): Ticket[] {
    return [...this.tickets.values()].filter((ticket) => ticket.status !== "closed");
  }

  snapshot(): Snapshot {
    this.snapshots += 1;
    return structuredClone({
      epoch: this.epoch,
      seq: this.seq,
      board: this.board(),
      board_hash: this.hash(),
    }) as Snapshot;
  }

  thread(id: number): TicketWithThread {
    const ticket = this.tickets.get(id);
    if (!ticket) throw new ProblemError({ code: "not_found", status: 404, retryable: false });
    const events = this.journal.filter((record) => record.ticket === id);
    const messages = events.flatMap((record) =>
      "message" in record.event && record.event.message ? [record.event.message] : [],
    );
    return structuredClone({ ...ticket, messages, events }) as TicketWithThread;
  }

  open(subject: string): number {
    const id = this.tickets.size + 1;
    const { id: _id, version: _version, ...fields } = newTicket({ id, subject });
    this.#commit(id, "u_requester", null, { type: "created" }, fields);
    return id;
  }

  execute(user: string, command: Extract<ClientMessage, { t: "cmd" }>): Answer {
    const key = `${user}/${command.id}`;
    const before = this.#answers.get(key);
    if (before) return before;
    const answer = this.#decide(user, command.id, command.ticket ?? null, command.do, command.expect);
    if (answer.t === "ok") this.#answers.set(key, answer);
    return answer;
  }

  /** A backup comes back: the newest records are gone, and with them what was remembered of their commands. */
  restore(seq: number): void {
    const kept = this.journal.splice(0).slice(0, seq);
    this.tickets = new Map();
    this.#answers = new Map();
    this.#generation += 1;
    this.epoch = `e${this.#generation}`;
    for (const record of kept) this.#append(record);
    this.hangUpAll(1012);
  }

  hangUpAll(code: number): void {
    for (const session of [...this.#sessions]) session.kill(code);
  }

  /** The regular word about how far everything has been sent. */
  tick(): void {
    for (const session of this.#sessions) session.upto();
  }

  transport(user: string, weather: Weather): Transport & { kill(code: number, reason?: string): void } {
    const own = new Set<Session>();
    return {
      connect: (handlers) => {
        const session = new Session(this, this.#clock, user, weather, handlers, () => {
          this.#sessions.delete(session);
          own.delete(session);
        });
        own.add(session);
        this.#sessions.add(session);
        return session.link;
      },
      kill: (code, reason) => {
        for (const session of [...own]) session.kill(code, reason);
      },
    };
  }

  #decide(user: string, id: string, ticketId: number | null, what: Command, expect?: number): Answer {
    const refuse = (code: string, more: object = {}): Answer =>
      ({ t: "err", id, code, message: code, retryable: false, ...more }) as Answer;
    const done = (ticket: Ticket): Answer =>
      ({ t: "ok", id, seq: this.seq, version: ticket.version, ticket: ticket.id }) as Answer;
    if (what.type === "claim_next") {
      const next = this.board().find((ticket) => ticket.assignee === null && ticket.status === "new");
      if (!next) return { t: "ok", id, seq: this.seq, version: 0, ticket: null } as Answer;
      return done(this.#commit(next.id, user, id, { type: "claimed" }, { assignee: user, status: "open" }));
    }
    if (what.type === "create") {
      if (what.subject === "refuse me") return refuse("invalid_field");
      const { type: _type, body, ...fields } = what;
      const next = this.tickets.size + 1;
      const { id: _id, version: _version, ...rest } = newTicket({ id: next });
      const message = {
        id: `m${next}`,
        visibility: "public",
        direction: "inbound",
        author: fields.requester,
        body,
      };
      return done(
        this.#commit(
          next,
          user,
          id,
          { type: "created", message } as unknown as TicketRecord["event"],
          {
            ...rest,
            ...fields,
          } as Patch,
        ),
      );
    }
    const ticket = ticketId === null ? undefined : this.tickets.get(ticketId);
    if (!ticket) return refuse("not_found");
    if (expect !== undefined && expect !== ticket.version)
      return refuse("version_conflict", { version: ticket.version });
    if (ticket.status === "closed") return refuse("ticket_closed");
    switch (what.type) {
      case "claim":
        if (ticket.assignee !== null && ticket.assignee !== user) {
          return refuse("already_claimed", { holder: ticket.assignee });
        }
        return done(
          this.#commit(ticket.id, user, id, { type: "claimed" }, { assignee: user, status: "open" }),
        );
      case "release":
        if (ticket.assignee !== user) return refuse("not_claimed");
        return done(this.#commit(ticket.id, user, id, { type: "released" }, { assignee: null }));
      case "update": {
        const { type: _, ...fields } = what;
        // One arbitrary rule, so that some predictions turn out wrong.
        if (fields.priority === "urgent" && ticket.assignee === null) return refuse("illegal_move");
        return done(this.#commit(ticket.id, user, id, { type: "updated" }, fields as Patch));
      }
      case "message": {
        const seen = what.last_seen_version;
        const messages = this.journal.flatMap(({ ticket: of, version, event }) =>
          of === ticket.id &&
          "message" in event &&
          event.message.visibility === "public" &&
          version > (seen ?? 0)
            ? [event.message]
            : [],
        );
        if (seen !== undefined && messages.length > 0) return refuse("stale_reply", { messages });
        const message = {
          id: `m${this.seq + 1}`,
          visibility: what.visibility,
          direction: what.direction ?? "outbound",
          author: { id: user, name: user },
          body: what.body,
          body_format: "text",
          attachments: (what.attachments ?? []).map((id) => ({
            id,
            name: `file ${id}`,
            media_type: "text/plain",
            bytes: 1,
            sha256: "",
          })),
          at: new Date(this.#clock.now()).toISOString(),
        } as Message;
        // Two records for one command, as the contract allows.
        this.#commit(ticket.id, user, id, { type: "message_added", message } as TicketRecord["event"], {
          message_count: ticket.message_count + 1,
          last_message_at: message.at,
        });
        const touched = this.tickets.get(ticket.id) ?? ticket;
        if (touched.status !== "new") return done(touched);
        return done(this.#commit(ticket.id, user, id, { type: "updated" }, { status: "open" }));
      }
      case "link":
      case "unlink": {
        const others = ticket.links.filter((link) => link.to !== what.to || link.kind !== what.kind);
        const links = what.type === "link" ? [...others, { to: what.to, kind: what.kind }] : others;
        return done(
          this.#commit(ticket.id, user, id, { type: "linked", to: what.to, kind: what.kind }, { links }),
        );
      }
      case "merge": {
        const target = this.tickets.get(what.into);
        if (!target || target.status === "closed") return refuse("ticket_closed");
        this.#commit(
          target.id,
          user,
          id,
          { type: "merged_in", from: ticket.id },
          { links: [...target.links, { to: ticket.id, kind: "merged_from" }] },
        );
        return done(
          this.#commit(
            ticket.id,
            user,
            id,
            { type: "merged", into: target.id },
            { status: "closed", merged_into: target.id },
          ),
        );
      }
      default:
        return refuse("invalid_field");
    }
  }

  #commit(
    id: number,
    by: string,
    commandId: string | null,
    event: TicketRecord["event"] | { type: string },
    patch: Patch,
  ): Ticket {
    const at = new Date(this.#clock.now()).toISOString();
    const record = {
      seq: this.seq + 1,
      ticket: id,
      version: (this.tickets.get(id)?.version ?? 0) + 1,
      at,
      by,
      command_id: commandId ?? `server-${this.seq}`,
      event,
      patch: { ...patch, updated_at: at },
    } as TicketRecord;
    if (commandId !== null && event.type !== "created") {
      const key = `${commandId}/${event.type}`;
      this.effects.set(key, (this.effects.get(key) ?? 0) + 1);
    }
    const ticket = this.#append(record);
    for (const session of this.#sessions) session.pump();
    return ticket;
  }

  #append(record: TicketRecord): Ticket {
    this.journal.push(record);
    const ticket = {
      ...this.tickets.get(record.ticket),
      ...record.patch,
      id: record.ticket,
      version: record.version,
    } as Ticket;
    this.tickets.set(ticket.id, ticket);
    return ticket;
  }
}

class Session {
  readonly link: Link;
  readonly #server: ModelServer;
  readonly #clock: Clock;
  readonly #user: string;
  readonly #weather: Weather;
  readonly #handlers: LinkHandlers;
  readonly #gone: () => void;
  #alive = true;
  #cursor: number | null = null;
  #lastUp = 0;
  #lastDown = 0;

  constructor(
    server: ModelServer,
    clock: Clock,
    user: string,
    weather: Weather,
    handlers: LinkHandlers,
    gone: () => void,
  ) {
    this.#server = server;
    this.#clock = clock;
    this.#user = user;
    this.#weather = weather;
    this.#handlers = handlers;
    this.#gone = gone;
    this.link = {
      send: (message) => {
        if (!this.#alive) return;
        this.#lastUp = Math.max(this.#lastUp, clock.now() + weather.latencyMs());
        clock.after(this.#lastUp - clock.now(), () => {
          if (this.#alive) this.#hear(structuredClone(message));
        });
      },
      close: (code = 1000) => this.kill(code),
    };
    clock.after(weather.latencyMs(), () => {
      if (!this.#alive) return;
      if (server.up) handlers.opened();
      else this.kill(1006);
    });
  }

  kill(code: number, reason = ""): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#gone();
    this.#clock.after(this.#weather.latencyMs(), () => this.#handlers.closed({ code, reason }));
  }

  pump(): void {
    if (!this.#alive || this.#cursor === null) return;
    const records = this.#server.journal.slice(this.#cursor).filter(() => !this.#weather.swallows());
    this.#cursor = this.#server.seq;
    if (records.length > 0) this.#say(...records.map((record) => ({ t: "rec" as const, ...record })));
  }

  upto(): void {
    if (this.#cursor === null) return;
    this.#say({ t: "upto", seq: this.#server.seq, board: this.#server.hash() });
  }

  #hear(message: ClientMessage): void {
    const server = this.#server;
    switch (message.t) {
      case "hello": {
        const known = message.epoch === server.epoch && (message.after ?? 0) <= server.seq;
        const resume = message.after === undefined ? "live" : known ? "replay" : "snapshot";
        this.#say({
          t: "welcome",
          session: "s",
          user: { id: this.#user } as Me,
          epoch: server.epoch,
          seq: server.seq,
          resume,
          limits: {
            max_message_bytes: 1 << 20,
            messages_per_s: 50,
            max_commands_in_flight: 8,
            max_topics: 64,
          },
          heartbeat_ms: 10_000,
        });
        if (resume !== "snapshot") {
          this.#cursor = message.after ?? server.seq;
          this.pump();
          this.upto();
        }
        break;
      }
      case "sub":
        if (message.after !== undefined) this.#cursor = message.after;
        this.pump();
        this.upto();
        break;
      case "cmd": {
        const answer: Answer = this.#weather.overloaded()
          ? ({ t: "err", id: message.id, code: "overloaded", message: "", retryable: true } as Answer)
          : server.execute(this.#user, message);
        this.#say(answer);
        break;
      }
      default:
        break;
    }
  }

  #say(...messages: ServerMessage[]): void {
    const copy = structuredClone(messages);
    this.#lastDown = Math.max(this.#lastDown, this.#clock.now() + this.#weather.latencyMs());
    this.#clock.after(this.#lastDown - this.#clock.now(), () => {
      if (this.#alive) this.#handlers.received(copy);
    });
  }
}
