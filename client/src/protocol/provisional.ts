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

export type LinkKind = "related" | "caused_by" | "causes" | "duplicate_of" | "duplicated_by" | "merged_from";

export interface Link {
  to: number;
  kind: LinkKind;
}

export type SlaMetric = "first_response" | "next_response" | "resolution";

export interface Sla {
  policy: string | null;
  first_response_due: string | null;
  next_response_due: string | null;
  resolution_due: string | null;
  paused: boolean;
  breached: boolean;
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
  links: Link[];
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
  media_type: string;
  bytes: number;
}

/** The requester (no `id`) or a user of the desk. */
export interface Author {
  id?: string;
  name: string;
  email?: string;
}

export interface Message {
  id: string;
  visibility: Visibility;
  direction: Direction;
  author: Author;
  body: string;
  body_format: "text" | "markdown";
  attachments: Attachment[];
  at: string;
}

export type TicketEvent =
  | { type: "created"; message: Message }
  | { type: "updated"; changes?: TicketUpdate }
  | { type: "message_added"; message: Message }
  | { type: "claimed"; holder?: string; live?: boolean }
  | { type: "released"; reason?: string; vanished?: string }
  | { type: "skipped"; by: string; reason: string }
  | { type: "merged"; into: number }
  | { type: "merged_in"; from: number }
  | { type: "linked"; to: number; kind: LinkKind }
  | { type: "unlinked"; to: number; kind: LinkKind }
  | { type: "undone"; command_id: string }
  | { type: "sla_activated"; metric: SlaMetric }
  | { type: "sla_paused" }
  | { type: "sla_resumed" }
  | { type: "sla_fulfilled"; metric: SlaMetric }
  | { type: "sla_breached"; metric: SlaMetric }
  | { type: "triage_changed" };

export interface TicketRecord {
  seq: number;
  epoch?: string;
  ticket: number;
  version: number;
  at: string;
  by: string;
  command_id: string;
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
      /** Set together with the message, all or nothing. */
      status?: TicketStatus;
    }
  | { type: "claim" }
  | { type: "claim_next"; team?: string; categories?: string[] }
  | { type: "skip"; reason: string }
  | { type: "release"; reason?: string }
  | { type: "merge"; into: number }
  | { type: "link"; to: number; kind: LinkKind }
  | { type: "unlink"; to: number; kind: LinkKind }
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
  max_commands_in_flight: number;
  max_topics: number;
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
      user: Me;
      epoch: string;
      seq: number;
      resume: "live" | "replay" | "snapshot";
      limits: Limits;
      heartbeat_ms: number;
    }
  | ({ t: "rec" } & TicketRecord)
  | { t: "upto"; seq: number; board?: string }
  | { t: "ok"; id: string; seq: number; version: number; ticket: number | null }
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
  moves: Record<TicketStatus, TicketStatus[]>;
  priorities: Priority[];
  categories: { id: string; name: string; description: string }[];
  teams: { id: string; name: string; description: string }[];
  undo_window_ms: number;
}

export interface TicketWithThread extends Ticket {
  messages: Message[];
  events: TicketRecord[];
}

/** Why a ticket stands where it stands in the queue. */
export interface RankReason {
  rank: number;
  priority: Priority;
  /** The priority after waiting lifted it. */
  effective_priority: Priority;
  lifted: number;
  next_due: string | null;
  waiting_since: string;
  /** One sentence for people. */
  text: string;
}

export interface QueueRow {
  ticket: Ticket;
  reason: RankReason;
}

export interface QueueView {
  seq: number;
  data: QueueRow[];
  counts: {
    waiting: number;
    lent: number;
    snoozed: number;
    by_priority: Partial<Record<string, number>>;
    by_team: Partial<Record<string, number>>;
  };
}
