import type { Guess } from "./generated/Guess";
import type { Priority } from "./generated/Priority";
import type { Problem } from "./generated/Problem";
import type { Sentiment } from "./generated/Sentiment";
import type { Status } from "./generated/Status";
import type { Triage as ProposedTriage } from "./generated/Triage";
import type { TriageSource } from "./generated/TriageSource";

export type TriageField = "category" | "priority" | "tags";
export type TriageDecision = "accepted" | "edited" | "rejected";
export type TriageDecided = { [F in TriageField]?: TriageDecision };
export type TriageApplied = { category?: string | null; priority?: Priority; tags?: string[] };
export type Incident = { lead: number; tickets: number; since: string };
export type Triage = ProposedTriage & {
  incident?: Incident;
  applied?: TriageApplied;
  decided?: TriageDecided;
};
export type SimilarTicket = {
  id: number;
  subject: string;
  status: Status;
  category: string | null;
  tags: string[];
  solved_at: string | null;
  likeness: number;
  answer: string | null;
};
export type DraftEvent =
  | { type: "sources"; sources: SimilarTicket[] }
  | { type: "delta"; text: string }
  | { type: "done"; text: string; cut: boolean }
  | { type: "error"; problem: Problem };
export type TriedTriage = {
  categories: Guess<string>[];
  out_of_scope: number;
  priority: Guess<Priority> | null;
  sentiment: Guess<Sentiment> | null;
  language: Guess<string> | null;
  spam: Guess<boolean> | null;
  summary: string | null;
  tags: string[];
  would_ask: boolean;
  similar: SimilarTicket[];
};
export type ServiceState = "no_key" | "on" | "paused" | "trying" | "stopped" | "budget_spent";
export type Acceptance = {
  field: TriageField;
  source: TriageSource;
  accepted: number;
  edited: number;
  rejected: number;
  kept: number;
  passed_over: number;
};
export type ReliabilityBin = {
  source: TriageSource;
  from: number;
  to: number;
  count: number;
  right: number;
  mean_confidence: number;
};
export type Confusion = { proposed: string; kept: string; count: number };
export type TriageStats = {
  enabled: boolean;
  ready: boolean;
  service: {
    state: ServiceState;
    model: string;
    spent_today_usd: number;
    daily_budget_usd: number;
    tokens_hit: number;
    tokens_miss: number;
    tokens_output: number;
    cache_hit_ratio: number | null;
    requests: number;
    tickets: number;
    tickets_per_request: number | null;
    tokens_per_ticket: number | null;
    usd_per_1000_tickets: number | null;
  };
  queue: { waiting: number; limit: number; under_way: number; behind_ms: number; overflowed: boolean };
  learner: {
    examples: number;
    bytes: number;
    since_refit: number;
    refitted_at: string | null;
    similar_tickets: number;
    similar_bytes: number;
  };
  acceptance: Acceptance[];
  categories: { category: string; source: TriageSource; right: number; wrong: number }[];
  reliability: ReliabilityBin[];
  confusion: Confusion[];
  incidents: Incident[];
};
