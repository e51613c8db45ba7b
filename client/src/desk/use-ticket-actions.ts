import { useMemo } from "react";
import { strings } from "@/app/strings/strings";
import type {
  LinkKind,
  Patch,
  TicketStatus,
  TicketUpdate,
  TriageField,
  TriageValues,
  Visibility,
} from "@/protocol/types";
import type { Outcome } from "@/sync/outbox";
import { type Desk, useDesk } from "./desk-context";
import { dismissToast, toast } from "./toast";
import { afterAccepting, afterRejecting } from "./triage";

const TOAST_MS = 8_000;

export interface TicketActions {
  update(ticket: number, fields: TicketUpdate): void;
  claim(ticket: number): void;
  release(ticket: number): void;
  skip(ticket: number): void;
  merge(ticket: number, into: number): void;
  link(ticket: number, to: number, kind: LinkKind): void;
  unlink(ticket: number, to: number, kind: LinkKind): void;
  acceptTriage(ticket: number, fields: readonly TriageField[], edits?: TriageValues): void;
  rejectTriage(ticket: number, fields: readonly TriageField[]): void;
  send(ticket: number, message: OutgoingMessage): Promise<Outcome>;
}

export interface OutgoingMessage {
  body: string;
  visibility: Visibility;
  seenVersion: number;
  status: TicketStatus | null;
  /** Colleagues whom a note asks to look. */
  mentions?: readonly string[];
}

/** What a user can do to a ticket: shown at once, sent in order, offered to be undone. */
export function useTicketActions(): TicketActions {
  const desk = useDesk();
  return useMemo(() => ticketActions(desk), [desk]);
}

function ticketActions(desk: Desk): TicketActions {
  const { sync, me } = desk;

  /** The fields as they were before, so that an undo can show them at once. */
  function before(ticket: number, fields: Patch): Patch {
    const now = sync.tickets.get(ticket);
    if (now === undefined) return {};
    const values: Record<string, unknown> = {};
    for (const field of Object.keys(fields)) values[field] = now[field as keyof typeof now];
    return values as Patch;
  }

  function undoable(ticket: number, commandId: string, restored: Patch, title: string): void {
    const undo = () => {
      if (desk.lastChange.get()?.commandId === commandId) desk.lastChange.set(null);
      dismissToast(commandId);
      desk.announce(strings.actions.undone);
      if (sync.outbox.cancel(commandId)) return;
      sync.outbox.enqueue({ ticket, do: { type: "undo", command_id: commandId }, predict: restored });
    };
    desk.lastChange.set({ commandId, at: Date.now(), undo });
    toast(title, {
      id: commandId,
      duration: Math.min(desk.info.undo_window_ms, TOAST_MS),
      action: { label: strings.actions.undo, onClick: undo },
    });
  }

  function describe(ticket: number, fields: TicketUpdate): string {
    const names = Object.keys(fields);
    if (names.length !== 1) return strings.actions.changed(ticket);
    if (fields.status !== undefined) return strings.actions.status(ticket, strings.status[fields.status]);
    if (fields.priority !== undefined)
      return strings.actions.priority(ticket, strings.priority[fields.priority]);
    if (fields.assignee === null) return strings.actions.unassigned(ticket);
    if (fields.assignee !== undefined) {
      const name = desk.people.get(fields.assignee)?.name ?? fields.assignee;
      return strings.actions.assigned(ticket, name);
    }
    return strings.actions.changed(ticket);
  }

  return {
    update(ticket, fields) {
      const restored = before(ticket, fields);
      const { id } = sync.outbox.enqueue({ ticket, do: { type: "update", ...fields }, predict: fields });
      undoable(ticket, id, restored, describe(ticket, fields));
    },
    claim(ticket) {
      const now = sync.tickets.get(ticket);
      const fields: Patch = {
        assignee: me.id,
        ...(now?.status === "new" ? { status: "open" as const } : {}),
      };
      const restored = before(ticket, fields);
      const { id } = sync.outbox.enqueue({ ticket, do: { type: "claim" }, predict: fields });
      undoable(ticket, id, restored, strings.actions.taken(ticket));
    },
    release(ticket) {
      const fields: Patch = { assignee: null };
      const restored = before(ticket, fields);
      const { id } = sync.outbox.enqueue({ ticket, do: { type: "release" }, predict: fields });
      undoable(ticket, id, restored, strings.actions.released(ticket));
    },
    skip(ticket) {
      const held = sync.tickets.get(ticket)?.assignee === me.id;
      sync.outbox.enqueue({
        ticket,
        do: { type: "skip", reason: strings.ticket.skip },
        ...(held ? { predict: { assignee: null } } : {}),
      });
      toast(strings.actions.skipped(ticket));
    },
    merge(ticket, into) {
      const fields: Patch = { status: "closed", merged_into: into };
      const restored = before(ticket, fields);
      const { id } = sync.outbox.enqueue({ ticket, do: { type: "merge", into }, predict: fields });
      undoable(ticket, id, restored, strings.relate.merged(ticket, into));
    },
    link(ticket, to, kind) {
      const links = sync.tickets.get(ticket)?.links ?? [];
      const fields: Patch = { links: [...links, { to, kind }] };
      const { id } = sync.outbox.enqueue({ ticket, do: { type: "link", to, kind }, predict: fields });
      undoable(ticket, id, { links }, strings.relate.linked(ticket, to));
    },
    unlink(ticket, to, kind) {
      const links = sync.tickets.get(ticket)?.links ?? [];
      const fields: Patch = { links: links.filter((link) => link.to !== to || link.kind !== kind) };
      const { id } = sync.outbox.enqueue({ ticket, do: { type: "unlink", to, kind }, predict: fields });
      undoable(ticket, id, { links }, strings.relate.unlinked(ticket, to));
    },
    acceptTriage(ticket, fields, edits) {
      const now = sync.tickets.get(ticket);
      if (now === undefined || fields.length === 0) return;
      const patch = afterAccepting(now, fields, edits);
      const restored = before(ticket, patch);
      const { id } = sync.outbox.enqueue({
        ticket,
        do: {
          type: "triage_accept",
          fields: [...fields],
          ...(edits === undefined ? {} : { edits }),
        },
        predict: patch,
      });
      undoable(ticket, id, restored, strings.triage.accepted(ticket));
    },
    rejectTriage(ticket, fields) {
      const now = sync.tickets.get(ticket);
      if (now === undefined || fields.length === 0) return;
      const patch = afterRejecting(now, fields);
      const restored = before(ticket, patch);
      const { id } = sync.outbox.enqueue({
        ticket,
        do: { type: "triage_reject", fields: [...fields] },
        predict: patch,
      });
      undoable(ticket, id, restored, strings.triage.rejected(ticket));
    },
    send(ticket, message) {
      const { outcome } = sync.outbox.enqueue({
        ticket,
        do: {
          type: "message",
          body: message.body,
          body_format: "markdown",
          visibility: message.visibility,
          ...(message.visibility === "public" ? { last_seen_version: message.seenVersion } : {}),
          ...(message.status === null ? {} : { status: message.status }),
          ...(message.mentions === undefined || message.mentions.length === 0
            ? {}
            : { mentions: [...message.mentions] }),
        },
        ...(message.status === null ? {} : { predict: { status: message.status } }),
      });
      return outcome;
    },
  };
}
