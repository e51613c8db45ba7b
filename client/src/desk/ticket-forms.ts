import type { CreateTicket, Priority } from "@/protocol/types";
import type { Storage } from "@/sync/storage";

/** A new ticket as it is being written. */
export interface TicketForm {
  subject: string;
  body: string;
  name: string;
  email: string;
  priority: Priority;
  category: string;
  /** Separated by commas. */
  tags: string;
}

const EMPTY: TicketForm = {
  subject: "",
  body: "",
  name: "",
  email: "",
  priority: "normal",
  category: "",
  tags: "",
};

/** What was begun and not sent, and what came back, so that a closed dialog, a reload or a refusal loses nothing. */
export class TicketForms {
  readonly #storage: Storage;
  readonly #key: string;

  constructor(storage: Storage, user: string) {
    this.#storage = storage;
    this.#key = `hotdesk.new-ticket.${user}`;
  }

  /** The one to go on with. */
  first(): TicketForm {
    return this.#all()[0] ?? EMPTY;
  }

  write(before: TicketForm, after: TicketForm): void {
    this.#keep([after, ...this.#without(before)]);
  }

  /** It is the outbox's now. */
  sent(form: TicketForm): void {
    this.#keep(this.#without(form));
  }

  /** The server refused it: it goes before whatever was begun since. */
  giveBack(form: TicketForm): void {
    this.#keep([form, ...this.#without(form)]);
  }

  #without(form: TicketForm): TicketForm[] {
    return this.#all().filter((each) => !isSame(each, form));
  }

  #all(): TicketForm[] {
    const text = this.#storage.get(this.#key);
    if (text === null) return [];
    try {
      const kept = JSON.parse(text) as Partial<TicketForm> | Partial<TicketForm>[];
      return (Array.isArray(kept) ? kept : [kept]).map((each) => ({ ...EMPTY, ...each }));
    } catch {
      return [];
    }
  }

  #keep(forms: TicketForm[]): void {
    const begun = forms.filter((form) => !isSame(form, EMPTY));
    if (begun.length === 0) this.#storage.remove(this.#key);
    else this.#storage.set(this.#key, JSON.stringify(begun));
  }
}

/** The form that such a ticket was written in. */
export function formOf(ticket: CreateTicket): TicketForm {
  const { name, email } = ticket.requester;
  return {
    subject: ticket.subject,
    body: ticket.body,
    name: name === email ? "" : name,
    email,
    priority: ticket.priority ?? EMPTY.priority,
    category: ticket.category ?? "",
    tags: (ticket.tags ?? []).join(", "),
  };
}

function isSame(a: TicketForm, b: TicketForm): boolean {
  return (Object.keys(EMPTY) as (keyof TicketForm)[]).every((field) => a[field] === b[field]);
}
