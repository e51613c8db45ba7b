import type { Me, Macro as OwnMacro, Ticket } from "@/protocol/types";
import { Cell } from "@/sync/cell";
import type { PreferencesStore } from "./preferences";
import type { SharedStore } from "./shared";

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

/** A macro; `shared` where it is not one's own: a team's id, or null for everybody. */
export interface Macro extends OwnMacro {
  shared?: { team: string | null };
}

/** Answers that somebody gives often: one's own and those that are shared. */
export class Macros {
  readonly all: Cell<readonly Macro[]>;
  readonly #preferences: PreferencesStore;
  readonly #shared: SharedStore;

  constructor(preferences: PreferencesStore, shared: SharedStore) {
    this.#preferences = preferences;
    this.#shared = shared;
    this.all = new Cell(this.#listed());
    const list = () => this.all.set(this.#listed());
    preferences.now.subscribe(list);
    shared.all.subscribe(list);
  }

  #listed(): readonly Macro[] {
    const shared = this.#shared.all
      .get()
      .flatMap(({ id, kind, name, body, team }) =>
        kind === "macro" && body !== undefined ? [{ id, name, body, shared: { team } }] : [],
      );
    return [...this.#preferences.now.get().macros, ...shared];
  }

  put({ id, name, body }: OwnMacro): void {
    const others = this.#preferences.now.get().macros;
    const at = others.findIndex((other) => other.id === id);
    const macro = { id, name, body };
    this.#preferences.change({ macros: at < 0 ? [...others, macro] : others.with(at, macro) });
  }

  remove(id: string): void {
    this.#preferences.change({
      macros: this.#preferences.now.get().macros.filter((macro) => macro.id !== id),
    });
  }

  /** For a team, or with null for everybody. */
  async share({ id, name, body }: OwnMacro, team: string | null): Promise<void> {
    await this.#shared.put(id, { kind: "macro", name, body, team });
  }

  async unshare(id: string): Promise<void> {
    await this.#shared.remove(id);
  }
}
