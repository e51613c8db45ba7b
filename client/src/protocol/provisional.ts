/** The wire contract in TypeScript, written from docs/PROTOCOL.md. Names on the wire are snake_case. */

export type TicketStatus = "new" | "open" | "pending" | "on_hold" | "solved" | "closed";
export type Priority = "low" | "normal" | "high" | "urgent";
export type Role = "agent" | "supervisor" | "admin";
export type Channel = "web" | "api" | "email" | "import";
export type Visibility = "public" | "internal";
export type Direction = "inbound" | "outbound";

export interface Requester {
  name: string;
  email: string;
}

export interface TicketLink {
  to: number;
  kind: string;
}

export interface Sla {
  first_response_due: string | null;
  next_response_due: string | null;
  resolution_due: string | null;
  breached: string[] | boolean;
}

export interface Triage {
  state: "waiting" | "proposed" | "untriaged" | "accepted" | "rejected";
  source: "deepseek" | "learner" | null;
  reason?: string;
  summary?: string;
}

export interface Ticket {
  id: number;
  version: number;
  subject: string;
  status: TicketStatus;
  priority: Priority;
  category: string | null;
  tags: string[];
  requester: Requester;
  assignee: string | null;
  team: string | null;
  channel: Channel;
  created_at: string;
  updated_at: string;
  first_responded_at: string | null;
  solved_at: string | null;
  snoozed_until: string | null;
  merged_into: number | null;
  follow_up_of: number | null;
  links: TicketLink[];
  sla: Sla;
  triage: Triage | null;
  message_count: number;
  last_message_at: string | null;
  custom: Record<string, unknown>;
}

/** Whole top-level fields; `id` and `version` stand on the record only. */
export type Patch = Partial<Omit<Ticket, "id" | "version">>;

export interface Attachment {
  id: string;
  name: string;
  size: number;
  content_type: string;
}

export interface Message {
  id: string;
  visibility: Visibility;
  direction: Direction;
  author: string;
  body: string;
  body_format: "text" | "markdown";
  attachments: Attachment[];
  at: string;
}

export interface TicketEvent {
  type: string;
  message?: Message;
  into?: number;
  from?: number;
  to?: number;
  kind?: string;
  command_id?: string;
  metric?: string;
  reason?: string | null;
}

export interface TicketRecord {
  seq: number;
  epoch?: string;
  ticket: number;
  version: number;
  at: string;
  by: string;
  command_id: string | null;
  event: TicketEvent;
  patch: Patch;
}

export interface TicketUpdate {
  status?: TicketStatus;
  priority?: Priority;
  assignee?: string | null;
  team?: string | null;
  category?: string | null;
  tags?: string[];
  subject?: string;
  snoozed_until?: string | null;
  custom?: Record<string, unknown>;
}

export type Command =
  | {
      type: "create";
      subject: string;
      body: string;
      requester: Requester;
      priority?: Priority;
      category?: string;
      tags?: string[];
    }
  | ({ type: "update" } & TicketUpdate)
  | {
      type: "message";
      body: string;
      visibility: Visibility;
      direction?: Direction;
      last_seen_version?: number;
    }
  | { type: "claim" }
  | { type: "claim_next"; team?: string; categories?: string[] }
  | { type: "skip"; reason: string }
  | { type: "release"; reason?: string }
  | { type: "merge"; into: number }
  | { type: "link"; to: number; kind: string }
  | { type: "undo"; command_id: string }
  | { type: "triage_accept"; fields?: string[] }
  | { type: "triage_reject"; fields?: string[] };

export type PresenceState = "viewing" | "typing" | "away";

export interface PresentUser {
  user: string;
  state: PresenceState;
}

export type ClientMessage =
  | {
      t: "hello";
      v: 1;
      client: string;
      epoch?: string;
      after?: number;
      topics: string[];
      visible: boolean;
    }
  | { t: "sub"; topics: string[]; after?: number }
  | { t: "unsub"; topics: string[] }
  | { t: "cmd"; id: string; ticket?: number; expect?: number; do: Command }
  | { t: "presence"; ticket: number; state: PresenceState }
  | { t: "visible"; visible: boolean };

export interface Limits {
  max_message_bytes: number;
  messages_per_s: number;
}

/** What `err` carries beside its code, depending on the code. */
export interface ProblemDetails {
  holder?: string;
  messages?: Message[];
  version?: number;
  by?: string;
}

export type ServerMessage =
  | {
      t: "welcome";
      session: string;
      user: string;
      epoch: string;
      seq: number;
      resume: "live" | "replay" | "snapshot";
      limits: Limits;
      heartbeat_ms: number;
    }
  | ({ t: "rec" } & TicketRecord)
  | { t: "upto"; seq: number; board?: string }
  | { t: "ok"; id: string; seq: number; version: number | null; ticket: number | null }
  | ({ t: "err"; id?: string; code: string; message: string; retryable: boolean } & ProblemDetails)
  | { t: "presence"; ticket: number; users: PresentUser[] }
  | { t: "analytics" }
  | { t: "lag"; from: number; to: number }
  | { t: "drain"; after_ms: number; jitter_ms: number };

export interface Problem extends ProblemDetails {
  type: string;
  title: string;
  status: number;
  detail?: string;
  code: string;
  retryable: boolean;
  errors?: { pointer: string; code: string; detail: string }[];
}

export interface User {
  id: string;
  name: string;
  role: Role;
  teams: string[];
  active: boolean;
}

export interface Me extends User {
  email: string;
  permissions: string[];
}

export interface Snapshot {
  epoch: string;
  seq: number;
  board: Ticket[];
  board_hash: string;
}

export interface Page<T> {
  data: T[];
  meta: { has_more: boolean; after_cursor: string | null };
}

export interface DeskInfo {
  name: string;
  version: string;
  statuses: TicketStatus[];
  moves: Partial<Record<TicketStatus, TicketStatus[]>>;
  priorities: Priority[];
  categories: { id: string; name: string; description: string }[];
  teams: { id: string; name: string }[];
  undo_window_ms: number;
}

export interface TicketWithThread extends Ticket {
  messages: Message[];
  events: TicketRecord[];
}

export interface QueueEntry {
  ticket: Ticket | number;
  reason: unknown;
}

export interface QueueAnswer {
  seq: number;
  data: QueueEntry[];
  counts: Record<string, unknown>;
}
