import type {
  DeskInfo,
  Me,
  Problem,
  QueueView,
  Snapshot,
  Ticket,
  TicketWithThread,
  User,
} from "@/protocol/types";
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
}

/** The calls that the client makes over HTTP. Each rejects with a `ProblemError`, and with nothing else. */
export function createApi(fetch: Fetch, base = "/api/v1"): Api {
  async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
    let response: Response;
    try {
      response = await fetch(base + path, {
        method,
        credentials: "same-origin",
        headers: {
          accept: "application/json",
          ...(body === undefined ? {} : { "content-type": "application/json" }),
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
  }

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
  };
}

async function refusal(response: Response): Promise<ProblemError> {
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
