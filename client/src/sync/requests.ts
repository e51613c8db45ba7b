import type { CreateRequest, NewRequest, RequestForm, RequestView } from "@/protocol/types";
import { caller, type Fetch } from "./api";

/** What a customer can call: the form, and a request by its private link. */
export interface RequestsApi {
  form(): Promise<RequestForm>;
  create(request: CreateRequest): Promise<NewRequest>;
  show(token: string): Promise<RequestView>;
  answer(token: string, body: string): Promise<RequestView>;
  solve(token: string): Promise<RequestView>;
}

export function createRequestsApi(fetch: Fetch, base = "/api/v1"): RequestsApi {
  // Whoever is signed in here as an agent is a customer on this page all the same.
  const call = caller((input, init) => fetch(input, { ...init, credentials: "omit" }), base);
  const by = (token: string) => ({ authorization: `Bearer ${token}` });
  return {
    form: () => call("GET", "/request-form"),
    create: (request) => call("POST", "/requests", request),
    show: (token) => call("GET", "/request", undefined, by(token)),
    answer: (token, body) => call("POST", "/request/messages", { body }, by(token)),
    solve: (token) => call("POST", "/request/solve", undefined, by(token)),
  };
}
