import type {
  DeskChanged,
  Limits,
  LiveChange,
  Patch,
  PresentUser,
  ServerMessage,
  Snapshot,
  Ticket,
  TicketRecord,
} from "@/protocol/types";
import type { Api } from "./api";
import { Cell, Happening } from "./cell";
import type { Clock } from "./clock";
import { Connection, type ConnectionHost } from "./connection";
import { Figures } from "./figures";
import { Outbox } from "./outbox";
import { Presence } from "./presence";
import type { AnyCode } from "./problem-error";
import { Replica } from "./replica";
import type { Storage } from "./storage";
import { Threads } from "./threads";
import { TicketStore } from "./ticket-store";
import type { Transport } from "./transport";

export interface DeskSyncParts {
  transport: Transport;
  api: Pick<Api, "snapshot" | "thread" | "me">;
  clock: Clock;
  storage: Storage;
  newId: () => string;
  /** Stable for this tab. */
  client: string;
  user: string;
  visible: () => boolean;
}

export function outboxKey(user: string, client: string): string {
  return `${outboxPrefix(user)}${client}`;
}

export function outboxPrefix(user: string): string {
  return `hotdesk.outbox.${user}.`;
}

const STANDING_TOPICS = ["board", "presence", "desk"];

/** The whole of what one tab knows of the desk: wires the connection to the replica, the outbox and what hangs on them. */
export class DeskSync implements ConnectionHost {
  readonly connection: Connection;
  readonly tickets: TicketStore;
  readonly outbox: Outbox;
  readonly presenceOf: Presence;
  readonly threads: Threads;
  readonly figuresOf: Figures;
  /** Each record as it arrives, for what does not look at state but at change. */
  readonly records = new Happening<TicketRecord>();

  /** The same, with the ticket as it was before. */
  readonly changes = new Happening<{ record: TicketRecord; before: Ticket | undefined }>();

  /** Of what lies beside the tickets; null until the server has said it, and for good where there is no socket. */
  readonly revisions = new Cell<DeskChanged | null>(null);

  /** What the server refused without saying which command it was: ours is to say it aloud. */
  readonly faults = new Happening<{ code: AnyCode; message: string }>();

  readonly #parts: DeskSyncParts;
  readonly #replica = new Replica();
  readonly #opened = new Map<number, number>();
  /** Who was the last to change a ticket that something of ours still waits for. */
  readonly #others = new Map<number, string>();
  #moved = false;

  constructor(parts: DeskSyncParts) {
    this.#parts = parts;
    this.tickets = new TicketStore(
      this.#replica,
      (ticket) => this.outbox?.overlay(ticket) ?? null,
      parts.clock,
    );
    this.outbox = new Outbox({
      clock: parts.clock,
      storage: parts.storage,
      key: outboxKey(parts.user, parts.client),
      newId: parts.newId,
      send: (message) => this.connection?.send(message) ?? false,
      touch: (ticket) => this.tickets.touch(ticket),
      now: (id, fields) => {
        const ticket = this.#replica.get(id);
        if (ticket === undefined) return null;
        const was = Object.fromEntries(
          Object.keys(fields).map((field) => [field, ticket[field as keyof Ticket]]),
        );
        return { version: ticket.version, was: was as Patch };
      },
    });
    this.threads = new Threads(
      (ticket) => parts.api.thread(ticket),
      (ticket) => {
        if (this.#replica.keep(ticket)) this.tickets.touch(ticket.id);
      },
    );
    this.presenceOf = new Presence(parts.user, parts.clock, (ticket, state) => {
      this.connection?.send({ t: "presence", ticket, state });
    });
    this.figuresOf = new Figures((wanted) => {
      if (wanted) this.connection?.subscribe(["analytics"]);
      else this.connection?.unsubscribe(["analytics"]);
    });
    this.connection = new Connection(parts.transport, this, parts.clock, parts.client);
  }

  start(): void {
    this.connection.start();
  }

  stop(): void {
    this.connection.stop();
  }

  /** False until the first snapshot: the board is not empty, it is unknown. */
  get loaded(): boolean {
    return this.#replica.position() !== null || this.#replica.size > 0;
  }

  /** Whether the desk has no active ticket at all. */
  get isEmpty(): boolean {
    return this.loaded && this.#replica.size === 0;
  }

  seq(): number {
    return this.#replica.position()?.seq ?? 0;
  }

  boardHash(): string {
    return this.#replica.hash();
  }

  changedBy(ticket: number): string | null {
    return this.#others.get(ticket) ?? null;
  }

  /** Somebody looks at a ticket; the answer ends it. */
  openTicket(ticket: number): () => void {
    const count = this.#opened.get(ticket) ?? 0;
    this.#opened.set(ticket, count + 1);
    if (count === 0) this.connection.subscribe([`ticket:${ticket}`]);
    this.threads.want(ticket);
    return () => {
      const left = (this.#opened.get(ticket) ?? 1) - 1;
      if (left > 0) {
        this.#opened.set(ticket, left);
        return;
      }
      this.#opened.delete(ticket);
      this.connection.unsubscribe([`ticket:${ticket}`]);
    };
  }

  visibilityChanged(): void {
    const visible = this.#parts.visible();
    this.connection.send({ t: "visible", visible });
    if (visible) this.connection.nudge();
  }

  // What the connection asks and tells.

  position(): { epoch: string; seq: number } | null {
    return this.#replica.position();
  }

  topics(): string[] {
    const opened = [...this.#opened.keys()].map((ticket) => `ticket:${ticket}`);
    return [...STANDING_TOPICS, ...(this.figuresOf.wanted ? ["analytics"] : []), ...opened];
  }

  visible(): boolean {
    return this.#parts.visible();
  }

  fetchSnapshot(): Promise<Snapshot> {
    return this.#parts.api.snapshot();
  }

  async probe(): Promise<void> {
    await this.#parts.api.me();
  }

  replaced(snapshot: Snapshot): void {
    this.#replica.reset(snapshot);
    // A snapshot may be of another epoch, whose versions never reach what was answered in the old one.
    this.outbox.progressed(() => true);
    this.tickets.reset(this.outbox.overlaid());
    this.threads.reset();
  }

  welcomed(limits: Limits): void {
    this.outbox.connected(limits);
    this.presenceOf.repeat();
  }

  lost(): void {
    this.outbox.disconnected();
    this.presenceOf.forget();
  }

  record(record: TicketRecord): boolean {
    const applied = this.#replica.apply(record);
    if (applied.kind === "gap") {
      this.#replica.distrust();
      return false;
    }
    this.#moved = true;
    if (record.by !== this.#parts.user && this.outbox.holds(record.ticket))
      this.#others.set(record.ticket, record.by);
    if (record.by === this.#parts.user) this.outbox.recorded(record);
    this.threads.record(record);
    if (applied.kind === "changed") {
      this.tickets.touch(record.ticket);
      this.records.emit(record);
      this.changes.emit({ record, before: applied.before });
    }
    return true;
  }

  upto(seq: number, board: string | undefined): boolean {
    this.#replica.reached(seq);
    this.#moved = true;
    if (board !== undefined && board !== this.#replica.hash()) {
      this.#replica.distrust();
      return false;
    }
    return true;
  }

  answered(answer: Extract<ServerMessage, { t: "ok" | "err" }>): void {
    if (answer.t === "err" && answer.id === undefined) {
      this.faults.emit({ code: answer.code, message: answer.message });
      return;
    }
    this.outbox.answered(answer, (entry) => this.#reached(entry));
  }

  presence(ticket: number, users: PresentUser[]): void {
    this.presenceOf.heard(ticket, users);
  }

  besideChanged(revisions: DeskChanged): void {
    this.revisions.set(revisions);
  }

  figures(change: LiveChange): void {
    this.figuresOf.heard(change);
  }

  settled(): void {
    if (!this.#moved) return;
    this.#moved = false;
    if (this.outbox.waitsForReplica) this.outbox.progressed((entry) => this.#reached(entry));
  }

  #reached(entry: { ticket: number | null; version: number | null; seq: number }): boolean {
    if (this.#replica.position() !== null && this.seq() >= entry.seq) return true;
    if (entry.ticket === null || entry.version === null) return true;
    const ticket = this.#replica.get(entry.ticket);
    return ticket === undefined || ticket.version >= entry.version;
  }
}
