import type { Me, Macro as OwnMacro, Ticket } from "@/protocol/types";
import { Collection, type Kind, type Owned } from "./collection";
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

export type Macro = Owned<OwnMacro>;
export type Macros = Collection<OwnMacro>;

const MACROS: Kind<OwnMacro> = {
  own: (preferences) => preferences.macros,
  change: (macros) => ({ macros }),
  read: ({ id, kind, name, body }) => (kind === "macro" && body !== undefined ? { id, name, body } : null),
  write: ({ name, body }) => ({ kind: "macro", name, body }),
  kept: ({ id, name, body }) => ({ id, name, body }),
};

/** Answers that somebody gives often: one's own and those that are shared. */
export function macros(preferences: PreferencesStore, shared: SharedStore): Macros {
  return new Collection(MACROS, preferences, shared);
}
