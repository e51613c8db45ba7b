import type {
  ClientMessage,
  Command,
  Limits,
  Patch,
  ProblemDetails,
  ServerMessage,
  TicketRecord,
} from "@/protocol/types";
import { Cell, Happening } from "./cell";
import type { Cancel, Clock } from "./clock";
import type { AnyCode } from "./problem-error";
import { fullJitter } from "./reconnect-policy";
import type { Storage } from "./storage";

export interface Order {
  do: Command;
  ticket?: number;
  /** Refused unless the ticket still has this version. */
  expect?: number;
  /** The fields as they will be if the server agrees; shown at once. */
  predict?: Patch;
  /** A command that must have been accepted first; if it is refused, this one is not sent. */
  requires?: string;
  /** `refuse`: what the user meant is worth nothing later. */
  offline?: "keep" | "refuse";
  /** Whoever asked tells the user of a refusal too, so nobody else does. */
  told?: boolean;
}

export interface Base {
  version: number;
  /** The fields that the command changes, as they were. */
  was: Patch;
}

export interface PendingCommand {
  id: string;
  do: Command;
  ticket: number | null;
  expect: number | null;
  predict: Patch | null;
  requires: string | null;
  /** For a change of fields: the ticket as it was then, so that a colleague's change is not overrun unseen. */
  base: Base | null;
  enqueuedAt: number;
  /** When it first went out; the server may have done it since. */
  sentAt: number | null;
}

export type Outcome =
  | { ok: true; id: string; ticket: number | null; version: number | null; seq: number }
  | { ok: false; id: string; code: AnyCode; message: string; details: ProblemDetails };

export interface RolledBack {
  command: PendingCommand;
  code: AnyCode;
  message: string;
  details: ProblemDetails;
  /** What a colleague has put into the same fields meanwhile. */
  theirs?: Patch;
}

export interface OutboxState {
  /** Not yet handed to the server over the line that is open now. */
  unsent: number;
  /** Not yet answered, the unsent ones included. */
  unanswered: readonly PendingCommand[];
  /** The same, and those that were done but whose records have not arrived: what the screen shows as on its way. */
  unseen: readonly PendingCommand[];
}

type Entry = PendingCommand & {
  told: boolean;
  /** The line on which it was given is gone: what a colleague did meanwhile was not in sight. */
  late: boolean;
  /** Its record came, which says what it did better than what was predicted. */
  recorded: boolean;
  /** Refused because the ticket had moved on to this version; judged once the replica is there. */
  movedTo: number | null;
  stage: "queued" | "sent" | "answered";
  tries: number;
  notBefore: number;
  /** Known once answered: shown until the replica is as far. */
  version: number | null;
  seq: number;
};

/** The server remembers a command for 24 hours; after that a repeat could be done twice. */
const FORGOTTEN_AFTER_MS = 23 * 3_600_000;
const CLAIM_WORTH_MS = 30_000;
const DEFAULT_LIMITS: Limits = {
  max_message_bytes: 1 << 20,
  messages_per_s: 50,
  max_commands_in_flight: 16,
  max_topics: 64,
};

/**
 * What the user has asked for and the server has not answered. A command keeps its id for life, so sending it again
 * is harmless; commands for one ticket go out one after another in the order in which they were given, because each
 * was meant on top of the one before.
 */
export class Outbox {
  readonly state = new Cell<OutboxState>({ unsent: 0, unanswered: [], unseen: [] });
  readonly rolledBack = new Happening<RolledBack>();

  readonly #clock: Clock;
  readonly #storage: Storage;
  readonly #key: string;
  readonly #newId: () => string;
  readonly #send: (message: ClientMessage) => boolean;
  readonly #touch: (ticket: number) => void;
  readonly #now: (ticket: number, fields: Patch) => Base | null;

  #entries: Entry[] = [];
  readonly #waiting = new Map<string, (outcome: Outcome) => void>();
  #open = false;
  #limits = DEFAULT_LIMITS;
  #sentInWindow = 0;
  #windowEndsAt = 0;
  #stopTimer: Cancel = () => {};

  constructor(parts: {
    clock: Clock;
    storage: Storage;
    key: string;
    newId: () => string;
    send: (message: ClientMessage) => boolean;
    touch: (ticket: number) => void;
    /** A ticket's version and these fields as the server has them, as far as is known here. */
    now?: (ticket: number, fields: Patch) => Base | null;
  }) {
    this.#clock = parts.clock;
    this.#storage = parts.storage;
    this.#key = parts.key;
    this.#newId = parts.newId;
    this.#send = parts.send;
    this.#touch = parts.touch;
    this.#now = parts.now ?? (() => null);
    this.adopt(this.#key);
  }

  /** Takes over what a tab that is gone left unsent. */
  adopt(key: string): void {
    const text = this.#storage.get(key);
    if (text === null) return;
    if (key !== this.#key) this.#storage.remove(key);
    let saved: PendingCommand[];
    try {
      saved = JSON.parse(text) as PendingCommand[];
    } catch {
      // Half a write of a dying browser; there is nothing in it that could be sent.
      this.#storage.remove(key);
      return;
    }
    const now = this.#clock.now();
    const expired: PendingCommand[] = [];
    for (const command of saved) {
      if (isForgotten(command, now)) {
        expired.push(command);
        continue;
      }
      this.#entries.push({
        ...command,
        base: command.base ?? null,
        told: false,
        late: true,
        recorded: false,
        movedTo: null,
        stage: "queued",
        tries: 0,
        notBefore: 0,
        version: null,
        seq: 0,
      });
      if (command.ticket !== null) this.#touch(command.ticket);
    }
    this.#pump();
    this.#changed();
    if (expired.length === 0) return;
    // Whoever listens does so only after the constructor has returned.
    this.#clock.after(0, () => {
      for (const command of expired) {
        this.rolledBack.emit({ command, code: "expired", message: "", details: {} });
      }
    });
  }

  enqueue(order: Order): { id: string; outcome: Promise<Outcome> } {
    const id = this.#newId();
    const outcome = new Promise<Outcome>((resolve) => this.#waiting.set(id, resolve));
    const entry: Entry = {
      id,
      do: order.do,
      ticket: order.ticket ?? null,
      expect: order.expect ?? null,
      predict: order.predict ?? null,
      requires: order.requires ?? null,
      enqueuedAt: this.#clock.now(),
      base: this.#baseOf(order),
      sentAt: null,
      told: order.told ?? false,
      late: !this.#open,
      recorded: false,
      movedTo: null,
      stage: "queued",
      tries: 0,
      notBefore: 0,
      version: null,
      seq: 0,
    };
    this.#entries.push(entry);
    for (const done of this.#entries) this.#passOver(done);
    if (order.offline === "refuse" && !this.#open) {
      this.#fail(entry, "offline", "", {});
    } else {
      if (entry.ticket !== null && entry.predict !== null) this.#touch(entry.ticket);
      this.#pump();
      this.#changed();
    }
    return { id, outcome };
  }

  #baseOf(order: Order): Base | null {
    if (order.do.type !== "update" || order.ticket === undefined || order.expect !== undefined) return null;
    const { type: _, ...fields } = order.do;
    return this.#now(order.ticket, fields as Patch);
  }

  /** Takes a command back that no server has seen. */
  cancel(id: string): boolean {
    const entry = this.#entries.find((candidate) => candidate.id === id);
    if (entry === undefined || entry.sentAt !== null) return false;
    this.#fail(entry, "cancelled", "", {}, false);
    return true;
  }

  /** The user's own unanswered changes to a ticket, the newest on top. */
  overlay(ticket: number): Patch | null {
    const patches = this.#entries.flatMap((entry) =>
      entry.ticket === ticket && entry.predict !== null ? [entry.predict] : [],
    );
    return patches.length === 0 ? null : Object.assign({}, ...patches);
  }

  /** Whether anything for this ticket is still on its way. */
  holds(ticket: number): boolean {
    return this.#entries.some((entry) => entry.ticket === ticket);
  }

  *overlaid(): Iterable<number> {
    for (const entry of this.#entries) {
      if (entry.ticket !== null && entry.predict !== null) yield entry.ticket;
    }
  }

  connected(limits: Limits): void {
    this.#open = true;
    this.#limits = limits;
    this.#sentInWindow = 0;
    this.#windowEndsAt = 0;
    const now = this.#clock.now();
    for (const entry of [...this.#entries]) {
      // A ticket that is handed out long after somebody asked lands on a desk that nobody sits at.
      if (
        entry.do.type === "claim_next" &&
        entry.stage === "queued" &&
        now - entry.enqueuedAt > CLAIM_WORTH_MS
      ) {
        this.#fail(entry, "offline", "", {});
      } else if (isForgotten(entry, now)) this.#fail(entry, "expired", "", {});
    }
    this.#pump();
    this.#changed();
  }

  /** What was sent and not answered goes out again, under the same id. */
  disconnected(): void {
    this.#open = false;
    this.#stopTimer();
    for (const entry of this.#entries) {
      if (entry.stage === "sent") entry.stage = "queued";
      entry.late = true;
    }
    this.#changed();
  }

  answered(
    answer: Extract<ServerMessage, { t: "ok" | "err" }>,
    reached: (entry: { ticket: number | null; version: number | null; seq: number }) => boolean,
  ): void {
    const entry = this.#entries.find((candidate) => candidate.id === answer.id);
    if (entry === undefined || entry.stage === "answered") return;
    if (answer.t === "ok") {
      entry.stage = "answered";
      entry.version = answer.version;
      entry.seq = answer.seq;
      if (entry.predict !== null && !entry.recorded) this.#ownDoing(entry, entry.predict);
      this.#passOver(entry);
      if (entry.ticket === null || reached(entry)) this.#drop(entry);
      this.#settle({
        ok: true,
        id: entry.id,
        ticket: answer.ticket,
        version: answer.version,
        seq: answer.seq,
      });
    } else if (answer.code === "version_conflict" && entry.base !== null && answer.version !== undefined) {
      entry.stage = "queued";
      entry.movedTo = answer.version;
      this.#judge(entry, reached);
    } else if (answer.retryable) {
      entry.stage = "queued";
      entry.tries += 1;
      entry.notBefore = this.#clock.now() + 100 + fullJitter(entry.tries, this.#clock);
    } else {
      const { t: _t, id: _id, code, message, retryable: _retryable, ...details } = answer;
      this.#fail(entry, code, message, details);
    }
    this.#pump();
    this.#changed();
  }

  /** A record arrived. What a command of ours made of its ticket is nobody else's doing, predicted or not. */
  recorded({ ticket, version, command_id, patch }: TicketRecord): void {
    const entry = this.#entries.find((candidate) => candidate.id === command_id);
    if (entry === undefined) return;
    entry.recorded = true;
    this.#ownDoing(entry, patch);
    for (const later of this.#after(entry)) {
      // Nobody came in between.
      if (later.ticket === ticket && later.base?.version === version - 1)
        later.base = { ...later.base, version };
    }
  }

  /** What was meant on top of this command is meant on top of what it did; what a colleague did stays to be judged. */
  #ownDoing(done: Entry, patch: Patch): void {
    for (const later of this.#after(done)) {
      if (later.ticket !== done.ticket || later.base === null) continue;
      const { version, was } = later.base;
      const held = Object.entries(patch).filter(([field]) => field in was);
      later.base = { version, was: { ...was, ...(Object.fromEntries(held) as Patch) } };
    }
  }

  /**
   * What its writer said before is no news to a reply. Nobody else spoke between what the accepted one had seen and
   * its own version, so one that has seen as much has seen all of it.
   */
  #passOver(done: Entry): void {
    const { ticket, version } = done;
    if (done.do.type !== "message" || done.do.last_seen_version === undefined || version === null) return;
    for (const later of this.#after(done)) {
      if (later.ticket !== ticket || later.sentAt !== null || later.do.type !== "message") continue;
      const seen = later.do.last_seen_version;
      if (seen === undefined || seen < done.do.last_seen_version || seen >= version) continue;
      later.do = { ...later.do, last_seen_version: version };
    }
  }

  #after(entry: Entry): Entry[] {
    return this.#entries.slice(this.#entries.indexOf(entry) + 1);
  }

  /** Somebody changed the ticket while this was on hold: the same field is for the user to decide, another one is not. */
  #judge(
    entry: Entry,
    reached: (entry: { ticket: number | null; version: number | null; seq: number }) => boolean,
  ): void {
    const { base, movedTo, ticket } = entry;
    if (base === null || movedTo === null || ticket === null || entry.do.type !== "update") return;
    if (!reached({ ticket, version: movedTo, seq: Number.POSITIVE_INFINITY })) return;
    const { type: _, ...mine } = entry.do;
    const theirs = this.#now(ticket, mine as Patch)?.was ?? {};
    const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
    const free = Object.keys(mine).every((field) => {
      const key = field as keyof Patch;
      return same(theirs[key], base.was[key]) || same(theirs[key], (mine as Patch)[key]);
    });
    entry.movedTo = null;
    entry.base = { version: movedTo, was: theirs };
    if (!free) this.#fail(entry, "version_conflict", "", { version: movedTo }, true, theirs);
  }

  /** The replica moved on: what it shows by itself needs no overlay any more. */
  progressed(
    reached: (entry: { ticket: number | null; version: number | null; seq: number }) => boolean,
  ): void {
    let dropped = false;
    for (const entry of [...this.#entries]) {
      if (entry.stage === "answered" && reached(entry)) {
        this.#drop(entry);
        dropped = true;
      }
    }
    const judged = this.#entries.filter((entry) => entry.movedTo !== null);
    for (const entry of judged) this.#judge(entry, reached);
    if (judged.length > 0) this.#pump();
    if (dropped || judged.length > 0) this.#changed();
  }

  get waitsForReplica(): boolean {
    return this.#entries.some((entry) => entry.stage === "answered" || entry.movedTo !== null);
  }

  #pump(): void {
    this.#stopTimer();
    if (!this.#open) return;
    const now = this.#clock.now();
    if (now >= this.#windowEndsAt) {
      this.#windowEndsAt = now + 1_000;
      this.#sentInWindow = 0;
    }
    // Half of what is allowed leaves room for everything else that this tab says.
    const perWindow = Math.max(1, Math.floor(this.#limits.messages_per_s / 2));
    let inFlight = this.#entries.filter((entry) => entry.stage === "sent").length;
    const busy = new Set<number>();
    let wakeAt = Number.POSITIVE_INFINITY;
    for (const entry of [...this.#entries]) {
      if (entry.stage === "answered") continue;
      const held =
        entry.stage === "sent" ||
        entry.movedTo !== null ||
        (entry.ticket !== null && busy.has(entry.ticket)) ||
        (entry.requires !== null && this.#unanswered(entry.requires));
      if (entry.ticket !== null) busy.add(entry.ticket);
      if (held) continue;
      if (entry.notBefore > now) {
        wakeAt = Math.min(wakeAt, entry.notBefore);
        continue;
      }
      // The next answer makes room.
      if (inFlight >= this.#limits.max_commands_in_flight) break;
      if (this.#sentInWindow >= perWindow) {
        wakeAt = Math.min(wakeAt, this.#windowEndsAt);
        break;
      }
      const expect = entry.expect ?? (entry.late ? entry.base?.version : null) ?? null;
      const message: ClientMessage = {
        t: "cmd",
        id: entry.id,
        ...(entry.ticket === null ? {} : { ticket: entry.ticket }),
        ...(expect === null ? {} : { expect }),
        do: entry.do,
      };
      if (bytesOf(message) > this.#limits.max_message_bytes) {
        this.#fail(entry, "too_big", "", {});
        continue;
      }
      if (!this.#send(message)) break;
      entry.stage = "sent";
      entry.sentAt ??= now;
      this.#sentInWindow += 1;
      inFlight += 1;
    }
    if (wakeAt !== Number.POSITIVE_INFINITY) {
      this.#stopTimer = this.#clock.after(wakeAt - now, () => {
        this.#pump();
        this.#changed();
      });
    }
  }

  #unanswered(id: string): boolean {
    return this.#entries.some((entry) => entry.id === id && entry.stage !== "answered");
  }

  #fail(
    entry: Entry,
    code: AnyCode,
    message: string,
    details: ProblemDetails,
    visibly = true,
    theirs?: Patch,
  ): void {
    this.#drop(entry);
    this.#changed();
    this.#settle({ ok: false, id: entry.id, code, message, details });
    if (visibly && !entry.told)
      this.rolledBack.emit({
        command: entry,
        code,
        message,
        details,
        ...(theirs === undefined ? {} : { theirs }),
      });
    for (const dependent of this.#entries.filter((candidate) => candidate.requires === entry.id)) {
      // Its reason has just been told.
      this.#fail(dependent, code, message, details, false);
    }
  }

  #drop(entry: Entry): void {
    this.#entries = this.#entries.filter((candidate) => candidate !== entry);
    if (entry.ticket !== null && entry.predict !== null) this.#touch(entry.ticket);
  }

  #settle(outcome: Outcome): void {
    const resolve = this.#waiting.get(outcome.id);
    this.#waiting.delete(outcome.id);
    resolve?.(outcome);
  }

  #changed(): void {
    const unanswered = this.#entries.filter((entry) => entry.stage !== "answered");
    if (unanswered.length === 0) this.#storage.remove(this.#key);
    else this.#storage.set(this.#key, JSON.stringify(unanswered.map(saved)));
    const unsent = unanswered.filter((entry) => entry.stage === "queued").length;
    const before = this.state.get();
    if (this.#entries.length === 0 && before.unseen.length === 0) return;
    this.state.set({ unsent, unanswered: unanswered.map(saved), unseen: this.#entries.map(saved) });
  }
}

function isForgotten({ sentAt }: PendingCommand, now: number): boolean {
  return sentAt !== null && now - sentAt > FORGOTTEN_AFTER_MS;
}

function saved(entry: Entry): PendingCommand {
  const { id, do: what, ticket, expect, predict, requires, base, enqueuedAt, sentAt } = entry;
  return { id, do: what, ticket, expect, predict, requires, base, enqueuedAt, sentAt };
}

function bytesOf(message: ClientMessage): number {
  return new TextEncoder().encode(JSON.stringify(message)).byteLength;
}
