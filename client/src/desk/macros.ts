import { strings } from "@/app/strings/strings";
import type { Me, Ticket } from "@/protocol/types";
import { Cell } from "@/sync/cell";
import type { Storage } from "@/sync/storage";

export interface Macro {
  id: string;
  name: string;
  body: string;
}

/** What `{{…}}` in a macro may name. */
export const VARIABLES = [
  "requester.name",
  "requester.first_name",
  "ticket.id",
  "ticket.subject",
  "me.name",
  "me.first_name",
] as const;
type Variable = (typeof VARIABLES)[number];

const firstWord = (name: string): string => name.trim().split(/\s+/)[0] ?? "";

/** The macro's text for this ticket. A name that nobody knows stays as it is, so that its writer sees it. */
export function filledIn(
  body: string,
  ticket: Pick<Ticket, "id" | "subject" | "requester">,
  me: Pick<Me, "name">,
): string {
  const values: Record<Variable, string> = {
    "requester.name": ticket.requester.name,
    "requester.first_name": firstWord(ticket.requester.name),
    "ticket.id": String(ticket.id),
    "ticket.subject": ticket.subject,
    "me.name": me.name,
    "me.first_name": firstWord(me.name),
  };
  return body.replace(/\{\{\s*([\w.]+)\s*\}\}/g, (whole, name: string) => values[name as Variable] ?? whole);
}

/** Answers that somebody gives often. The server has no place for them yet, so they stay in this browser. */
export class Macros {
  readonly all: Cell<readonly Macro[]>;
  readonly #storage: Storage;
  readonly #key: string;

  constructor(storage: Storage, user: string) {
    this.#storage = storage;
    this.#key = `hotdesk.macros.${user}`;
    this.all = new Cell(read(storage.get(this.#key)) ?? strings.macros.first);
  }

  put(macro: Macro): void {
    const others = this.all.get();
    const at = others.findIndex((other) => other.id === macro.id);
    this.#set(at < 0 ? [...others, macro] : others.with(at, macro));
  }

  remove(id: string): void {
    this.#set(this.all.get().filter((macro) => macro.id !== id));
  }

  #set(macros: readonly Macro[]): void {
    this.all.set(macros);
    this.#storage.set(this.#key, JSON.stringify(macros));
  }
}

function read(text: string | null): readonly Macro[] | null {
  if (text === null) return null;
  try {
    const macros = JSON.parse(text) as Macro[];
    return Array.isArray(macros) ? macros : null;
  } catch {
    return null;
  }
}
