import type { CreateRequest, NewRequest, RequestForm, RequestView } from "@/protocol/types";
import { caller, type Fetch, refusal } from "./api";
import { asProblem } from "./problem-error";
import type { UploadWire } from "./upload-wire";

/** What a customer can call: the form, and a request by its private link. */
export interface RequestsApi {
  form(): Promise<RequestForm>;
  create(request: CreateRequest): Promise<NewRequest>;
  show(token: string): Promise<RequestView>;
  /** `files` are ids of uploads. */
  answer(token: string, body: string, files: readonly string[]): Promise<RequestView>;
  solve(token: string): Promise<RequestView>;
  /** A file of the request, or the small picture of one: an address alone does not have it. */
  file(token: string, id: string, what: "content" | "thumbnail"): Promise<Blob>;
  readonly uploads: UploadWire;
}

export function createRequestsApi(fetch: Fetch, uploads: UploadWire, base = "/api/v1"): RequestsApi {
  // Whoever is signed in here as an agent is a customer on this page all the same.
  const alone: Fetch = (input, init) => fetch(input, { ...init, credentials: "omit" });
  const call = caller(alone, base);
  const by = (token: string) => ({ authorization: `Bearer ${token}` });
  return {
    form: () => call("GET", "/request-form"),
    create: (request) => call("POST", "/requests", request),
    show: (token) => call("GET", "/request", undefined, by(token)),
    answer: (token, body, files) =>
      call("POST", "/request/messages", { body, attachments: files }, by(token)),
    solve: (token) => call("POST", "/request/solve", undefined, by(token)),
    file: async (token, id, what) => {
      const path = `${base}/request/attachments/${encodeURIComponent(id)}/${what}`;
      let response: Response;
      try {
        response = await alone(path, { headers: by(token) });
        if (response.ok) return await response.blob();
      } catch (error) {
        throw asProblem(error);
      }
      throw await refusal(response);
    },
    uploads,
  };
}
