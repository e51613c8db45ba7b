import type { Ticket } from "@/protocol/types";
import { Cell } from "@/sync/cell";
import type { Storage } from "@/sync/storage";

const KEPT = 2_000;

interface Kept {
  /** Whatever came before this user first sat down here counts as read. */
  since: string;
  seen: [number, string][];
}

/** What this user has not looked at since something was said there. The server has no place for it, so it is this browser's. */
export class Unread {
  readonly #storage: Storage;
  readonly #key: string;
  #since: string;
  #seen = new Map<number, string>();
  /** Grows with every change, for whoever draws marks. */
  readonly turn = new Cell(0);

  constructor(storage: Storage, user: string, now: number) {
    this.#storage = storage;
    this.#key = `hotdesk.seen.${user}`;
    this.#since = new Date(now).toISOString();
    if (!this.#read()) this.#write();
    storage.elsewhere((key) => {
      if (key === this.#key && this.#read()) this.turn.set(this.turn.get() + 1);
    });
  }

  has(ticket: Pick<Ticket, "id" | "last_message_at" | "created_at">): boolean {
    return (ticket.last_message_at ?? ticket.created_at) > (this.#seen.get(ticket.id) ?? this.#since);
  }

  saw(id: number, at: string): void {
    if ((this.#seen.get(id) ?? this.#since) >= at) return;
    this.#put(id, at);
  }

  /** As if nobody had looked. */
  forget(id: number): void {
    this.#put(id, "");
  }

  #put(id: number, at: string): void {
    // Whatever another tab marked, even if this one slept meanwhile.
    this.#read();
    this.#seen.delete(id);
    this.#seen.set(id, at);
    if (this.#seen.size > KEPT) {
      const oldest = this.#seen.keys().next();
      if (!oldest.done) this.#seen.delete(oldest.value);
    }
    this.#write();
    this.turn.set(this.turn.get() + 1);
  }

  #write(): void {
    const kept: Kept = { since: this.#since, seen: [...this.#seen] };
    this.#storage.set(this.#key, JSON.stringify(kept));
  }

  /** False where there is nothing that can be read. */
  #read(): boolean {
    const kept = parsed(this.#storage.get(this.#key));
    if (kept === null) return false;
    this.#since = kept.since;
    this.#seen = new Map(kept.seen);
    return true;
  }
}

function parsed(text: string | null): Kept | null {
  if (text === null) return null;
  try {
    const kept = JSON.parse(text) as Kept;
    return typeof kept.since === "string" && Array.isArray(kept.seen) ? kept : null;
  } catch {
    return null;
  }
}
