import type { Ticket, TicketRecord } from "@/protocol/types";

export function ticket(over: Partial<Ticket> & { id: number }): Ticket {
  return {
    version: 1,
    subject: `Subject of ${over.id}`,
    status: "new",
    priority: "normal",
    category: null,
    tags: [],
    requester: { name: "Rosa Requester", email: "rosa@example.com" },
    assignee: null,
    team: null,
    channel: "email",
    created_at: "2026-01-05T08:00:00.000Z",
    updated_at: "2026-01-05T08:00:00.000Z",
    first_responded_at: null,
    solved_at: null,
    snoozed_until: null,
    merged_into: null,
    follow_up_of: null,
    links: [],
    sla: {
      policy: null,
      first_response_due: null,
      next_response_due: null,
      resolution_due: null,
      paused: false,
      breached: false,
    },
    triage: null,
    message_count: 1,
    last_message_at: "2026-01-05T08:00:00.000Z",
    mentions: [],
    custom: {},
    ...over,
  } as Ticket;
}

export function record(
  seq: number,
  of: number,
  version: number,
  patch: TicketRecord["patch"],
  over: Partial<TicketRecord> = {},
): TicketRecord {
  return {
    seq,
    ticket: of,
    version,
    at: "2026-01-05T09:00:00.000Z",
    by: "u_other",
    command_id: "c",
    event: { type: "updated" },
    patch: { updated_at: "2026-01-05T09:00:00.000Z", ...patch },
    ...over,
  } as TicketRecord;
}
