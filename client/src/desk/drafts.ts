import type { Attachment, Command, Message, Visibility } from "@/protocol/types";
import { Cell, type Unsubscribe } from "@/sync/cell";
import type { Storage } from "@/sync/storage";

export interface Draft {
  body: string;
  visibility: Visibility;
  /** The ticket's version when the writer began, or last said to have read what is new. */
  seenVersion: number | null;
  /** What the server said came in between, when it refused the reply. */
  missed: Message[];
  /** Files that are with the server already and go with the message. */
  files: Attachment[];
}

const NO_DRAFT: Draft = { body: "", visibility: "public", seenVersion: null, missed: [], files: [] };

/** A draft belongs to its ticket and this user. Only its writer changes it, in whichever tab; nothing remote ever does. */
export class Drafts {
  readonly #storage: Storage;
  readonly #prefix: string;
  readonly #cells = new Map<number, Cell<Draft>>();
  /** Which tickets have one, for the list. */
  readonly tickets: Cell<ReadonlySet<number>>;

  constructor(storage: Storage, user: string) {
    this.#storage = storage;
    this.#prefix = `hotdesk.draft.${user}.`;
    const ids = storage
      .keys()
      .filter((key) => key.startsWith(this.#prefix))
      .map((key) => Number(key.slice(this.#prefix.length)));
    this.tickets = new Cell<ReadonlySet<number>>(new Set(ids));
    storage.elsewhere((key) => {
      if (key === null)
        for (const ticket of [...this.#cells.keys(), ...this.tickets.get()]) this.#follow(ticket);
      else if (key.startsWith(this.#prefix)) this.#follow(Number(key.slice(this.#prefix.length)));
    });
  }

  readonly get = (ticket: number): Draft => this.#cell(ticket).get();

  readonly subscribe = (ticket: number, listener: () => void): Unsubscribe =>
    this.#cell(ticket).subscribe(listener);

  write(ticket: number, change: Partial<Draft>): void {
    const cell = this.#cell(ticket);
    const next = { ...cell.get(), ...change };
    const empty = next.body === "" && next.missed.length === 0 && next.files.length === 0;
    cell.set(empty ? { ...NO_DRAFT, visibility: next.visibility } : next);
    if (empty) this.#storage.remove(this.#prefix + ticket);
    else this.#storage.set(this.#prefix + ticket, JSON.stringify(next));
    this.#mark(ticket, next);
  }

  clear(ticket: number): void {
    this.write(ticket, { body: "", seenVersion: null, missed: [], files: [] });
  }

  /**
   * A message that was refused or taken back goes where it came from, above whatever was begun since. What neither
   * writer had read stays to be read.
   */
  restore(
    ticket: number,
    message: Pick<Extract<Command, { type: "message" }>, "body" | "visibility" | "last_seen_version">,
    missed: readonly Message[],
  ): void {
    const current = this.get(ticket);
    const { body, visibility, last_seen_version: seen = null } = message;
    const versions = [seen, current.seenVersion].filter((version) => version !== null);
    const told = new Map([...current.missed, ...missed].map((each) => [each.id, each]));
    this.write(ticket, {
      body: current.body === "" ? body : `${body}\n\n${current.body}`,
      visibility,
      missed: [...told.values()],
      seenVersion: versions.length === 0 ? null : Math.min(...versions),
    });
  }

  /** Its writer went on in another tab. */
  #follow(ticket: number): void {
    const next = this.#read(ticket);
    this.#cells.get(ticket)?.set(next);
    this.#mark(ticket, next);
  }

  #mark(ticket: number, { body, files }: Draft): void {
    const present = body !== "" || files.length > 0;
    const before = this.tickets.get();
    if (before.has(ticket) === present) return;
    const next = new Set(before);
    if (present) next.add(ticket);
    else next.delete(ticket);
    this.tickets.set(next);
  }

  #cell(ticket: number): Cell<Draft> {
    let cell = this.#cells.get(ticket);
    if (cell === undefined) {
      cell = new Cell(this.#read(ticket));
      this.#cells.set(ticket, cell);
    }
    return cell;
  }

  #read(ticket: number): Draft {
    const text = this.#storage.get(this.#prefix + ticket);
    if (text === null) return NO_DRAFT;
    try {
      return { ...NO_DRAFT, ...(JSON.parse(text) as Partial<Draft>) };
    } catch {
      return NO_DRAFT;
    }
  }
}
