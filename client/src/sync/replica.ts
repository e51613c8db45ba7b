import type { Snapshot, Ticket, TicketRecord } from "@/protocol/types";
import { BoardHash } from "./board-hash";

export type Applied =
  | { kind: "known" }
  | { kind: "changed"; ticket: Ticket; before: Ticket | undefined }
  | { kind: "gap"; ticket: number; have: number; got: number };

/** Tickets off the board that somebody looked at are few, and only worth keeping while they look. */
const SHELF_SIZE = 1_000;

/**
 * This browser's copy of the desk as the server has it: a fold over records, never a guess. What the user has asked
 * for and the server has not answered yet lies in the outbox, on top of this.
 */
export class Replica {
  #epoch: string | null = null;
  #seq = 0;
  #board = new Map<number, Ticket>();
  readonly #shelf = new Map<number, Ticket>();
  readonly #hash = new BoardHash();

  /** Where to resume, or null before the first snapshot. */
  position(): { epoch: string; seq: number } | null {
    return this.#epoch === null ? null : { epoch: this.#epoch, seq: this.#seq };
  }

  get(id: number): Ticket | undefined {
    return this.#board.get(id) ?? this.#shelf.get(id);
  }

  /** Every active ticket. */
  board(): IterableIterator<Ticket> {
    return this.#board.values();
  }

  isActive(id: number): boolean {
    return this.#board.has(id);
  }

  get size(): number {
    return this.#board.size;
  }

  hash(): string {
    return this.#hash.toString();
  }

  reset(snapshot: Snapshot): void {
    this.#epoch = snapshot.epoch;
    this.#seq = snapshot.seq;
    this.#board = new Map();
    this.#shelf.clear();
    this.#hash.clear();
    for (const ticket of snapshot.board) {
      if (ticket.status === "closed") continue;
      this.#board.set(ticket.id, ticket);
      this.#hash.toggle(ticket.id, ticket.version);
    }
  }

  /** Drops the position: the next connection starts with a snapshot. What is on the screen stays until then. */
  distrust(): void {
    this.#epoch = null;
  }

  /**
   * A ticket's versions have no gaps, so a record that does not follow the version we have is either one we have
   * already, or proof that we missed something.
   */
  apply(record: TicketRecord): Applied {
    if (record.seq > this.#seq) this.#seq = record.seq;
    const before = this.get(record.ticket);
    const have = before?.version ?? 0;
    if (record.version <= have) return { kind: "known" };
    if (record.version !== have + 1) {
      return { kind: "gap", ticket: record.ticket, have, got: record.version };
    }
    // The patch of version 1 has every field beside `id` and `version`.
    const ticket = { ...before, ...record.patch, id: record.ticket, version: record.version } as Ticket;
    this.#put(ticket);
    return { kind: "changed", ticket, before };
  }

  /** Everything at or below `seq` has been sent. */
  reached(seq: number): void {
    if (seq > this.#seq) this.#seq = seq;
  }

  /** Keeps a ticket that was fetched because somebody opened it. An older copy never replaces a newer one. */
  keep(ticket: Ticket): boolean {
    const have = this.get(ticket.id);
    if (have && have.version >= ticket.version) return false;
    if (have || ticket.status === "closed") {
      // On the board only records move a version, or the hash would run ahead of the seq that it is compared at.
      if (this.#board.has(ticket.id)) return false;
      this.#shelve(ticket);
      return true;
    }
    return false;
  }

  #put(ticket: Ticket): void {
    const before = this.#board.get(ticket.id);
    if (before) this.#hash.toggle(before.id, before.version);
    if (ticket.status === "closed") {
      this.#board.delete(ticket.id);
      this.#shelve(ticket);
      return;
    }
    this.#shelf.delete(ticket.id);
    this.#board.set(ticket.id, ticket);
    this.#hash.toggle(ticket.id, ticket.version);
  }

  #shelve(ticket: Ticket): void {
    this.#shelf.delete(ticket.id);
    this.#shelf.set(ticket.id, ticket);
    if (this.#shelf.size > SHELF_SIZE) {
      const oldest = this.#shelf.keys().next();
      if (!oldest.done) this.#shelf.delete(oldest.value);
    }
  }
}
