import type {
  AccessToken,
  Account,
  BulkOutcome,
  Command,
  CreateAccount,
  DeskInfo,
  DeskSettings,
  DeskSettingsView,
  Events,
  Me,
  NewAccessToken,
  Page,
  Preferences,
  PreferencesView,
  Problem,
  PutShared,
  QueueView,
  RequestLink,
  Shared,
  SimilarTicket,
  Snapshot,
  Ticket,
  TicketWithThread,
  TriageStats,
  TriedTriage,
  UpdateAccount,
  User,
} from "@/protocol/types";
import { type FiguresApi, figuresApi } from "./figures-api";
import { asProblem, ProblemError } from "./problem-error";

export type Fetch = (input: string, init?: RequestInit) => Promise<Response>;

export interface Api {
  signIn(credentials: { email: string; password: string }): Promise<Me>;
  signOut(): Promise<void>;
  setUp(first: { token: string; email: string; name: string; password: string }): Promise<unknown>;
  me(): Promise<Me>;
  people(): Promise<User[]>;
  desk(): Promise<DeskInfo>;
  snapshot(): Promise<Snapshot>;
  thread(ticket: number): Promise<TicketWithThread>;
  ticket(ticket: number): Promise<Ticket>;
  queue(limit: number): Promise<QueueView>;
  /** `query` holds the contract's own parameters, repeated ones included. */
  tickets(query: URLSearchParams): Promise<Page<Ticket>>;
  /** At most 500 ids. Each part can be undone as `<key>:<id>`. */
  bulk(ids: readonly number[], command: Command, key: string): Promise<BulkOutcome[]>;
  /** The desk as it stood at a moment or a seq. */
  snapshotAt(at: string | number): Promise<Snapshot>;
  events(query: { after: number; epoch?: string; limit?: number }): Promise<Events>;
  users(after: string | null): Promise<Page<Account>>;
  createUser(user: CreateAccount, key: string): Promise<Account>;
  updateUser(id: string, change: UpdateAccount, key: string): Promise<Account>;
  tokens(after: string | null): Promise<Page<AccessToken>>;
  createToken(token: { name: string; expires_at?: string }): Promise<NewAccessToken>;
  revokeToken(id: string): Promise<void>;
  readonly figures: FiguresApi;
  preferences(): Promise<PreferencesView>;
  /** Refused with `version_conflict` where another browser was faster. */
  putPreferences(preferences: Preferences, version: number): Promise<PreferencesView>;
  shared(): Promise<Shared[]>;
  /** `version` null makes it. */
  putShared(id: string, body: PutShared, version: number | null): Promise<Shared>;
  removeShared(id: string, version: number): Promise<void>;
  settings(): Promise<DeskSettingsView>;
  putSettings(settings: DeskSettings, version: number): Promise<DeskSettingsView>;
  similar(ticket: number): Promise<SimilarTicket[]>;
  triageStats(): Promise<TriageStats>;
  tryTriage(text: { subject: string; body: string }): Promise<TriedTriage>;
  requestLinks(ticket: number): Promise<RequestLink[]>;
  createRequestLink(ticket: number): Promise<{ token: string }>;
  revokeRequestLinks(ticket: number): Promise<void>;
}

const PAGE = 100;

export type Call = <T>(
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<T>;

/** Makes calls that reject with a `ProblemError`, and with nothing else. */
export function caller(fetch: Fetch, base = "/api/v1"): Call {
  return async <T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    let response: Response;
    try {
      response = await fetch(base + path, {
        method,
        credentials: "same-origin",
        headers: {
          accept: "application/json",
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch (error) {
      throw asProblem(error);
    }
    if (response.ok) {
      if (response.status === 204) return undefined as T;
      try {
        return (await response.json()) as T;
      } catch (error) {
        throw asProblem(error);
      }
    }
    throw await refusal(response);
  };
}

const keyed = (key: string) => ({ "idempotency-key": key });
const at = (version: number) => ({ "if-match": `"${version}"` });

/** The calls that the client makes over HTTP. */
export function createApi(fetch: Fetch, base = "/api/v1"): Api {
  const call = caller(fetch, base);
  return {
    signIn: (credentials) => call("POST", "/session", credentials),
    signOut: () => call("DELETE", "/session"),
    setUp: (first) => call("POST", "/setup", first),
    me: () => call("GET", "/me"),
    people: async () => (await call<{ data: User[] }>("GET", "/people")).data,
    desk: () => call("GET", "/desk"),
    snapshot: () => call("GET", "/snapshot?topics=board"),
    thread: (ticket) => call("GET", `/tickets/${ticket}?include=messages,events`),
    ticket: (ticket) => call("GET", `/tickets/${ticket}`),
    queue: (limit) => call("GET", `/queue?limit=${limit}`),
    tickets: (query) => call("GET", `/tickets?${query}`),
    bulk: async (ids, command, key) =>
      (await call<{ outcomes: BulkOutcome[] }>("POST", "/tickets/bulk", { ids, command }, keyed(key)))
        .outcomes,
    snapshotAt: (at) => call("GET", `/snapshot?topics=board&at=${encodeURIComponent(at)}`),
    events: ({ after, epoch, limit = 1_000 }) =>
      call(
        "GET",
        `/events?topics=board&after=${after}&limit=${limit}${epoch === undefined ? "" : `&epoch=${encodeURIComponent(epoch)}`}`,
      ),
    users: (after) => call("GET", `/users?${pageOf(after)}`),
    createUser: (user, key) => call("POST", "/users", user, keyed(key)),
    updateUser: (id, change, key) => call("PATCH", `/users/${encodeURIComponent(id)}`, change, keyed(key)),
    tokens: (after) => call("GET", `/tokens?${pageOf(after)}`),
    createToken: (token) => call("POST", "/tokens", token),
    revokeToken: (id) => call("DELETE", `/tokens/${encodeURIComponent(id)}`),
    figures: figuresApi(call),
    preferences: () => call("GET", "/me/preferences"),
    putPreferences: (preferences, version) => call("PUT", "/me/preferences", preferences, at(version)),
    shared: async () => (await call<{ data: Shared[] }>("GET", "/shared")).data,
    putShared: (id, body, version) =>
      call("PUT", `/shared/${encodeURIComponent(id)}`, body, version === null ? {} : at(version)),
    removeShared: (id, version) =>
      call("DELETE", `/shared/${encodeURIComponent(id)}`, undefined, at(version)),
    settings: () => call("GET", "/settings"),
    putSettings: (settings, version) => call("PUT", "/settings", settings, at(version)),
    similar: async (ticket) =>
      (await call<{ data: SimilarTicket[] }>("GET", `/tickets/${ticket}/similar`)).data,
    triageStats: () => call("GET", "/triage/stats"),
    tryTriage: (text) => call("POST", "/triage/try", text),
    requestLinks: async (ticket) =>
      (await call<{ data: RequestLink[] }>("GET", `/tickets/${ticket}/request-links`)).data,
    createRequestLink: (ticket) => call("POST", `/tickets/${ticket}/request-links`),
    revokeRequestLinks: (ticket) => call("DELETE", `/tickets/${ticket}/request-links`),
  };
}

function pageOf(after: string | null): URLSearchParams {
  return new URLSearchParams({
    "page[size]": String(PAGE),
    ...(after === null ? {} : { "page[after]": after }),
  });
}

export async function refusal(response: Response): Promise<ProblemError> {
  try {
    const problem = (await response.json()) as Problem;
    if (typeof problem.code === "string") return new ProblemError({ ...problem, status: response.status });
  } catch {
    // A proxy between us and the server answers in words of its own; its status still says enough.
  }
  return new ProblemError({
    code: response.status === 401 ? "not_signed_in" : `http_${response.status}`,
    status: response.status,
    retryable: response.status >= 500 || response.status === 429,
    detail: response.statusText,
  });
}
