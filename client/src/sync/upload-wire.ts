import type { Problem, UploadView } from "@/protocol/types";
import { ProblemError } from "./problem-error";

/** How bytes get to the server. Each call rejects with a `ProblemError`, or with an `AbortError` when it was given up. */
export interface UploadWire {
  begin(file: { name: string; bytes: number }): Promise<UploadView>;
  send(
    id: string,
    from: number,
    bytes: Blob,
    progress: (sent: number) => void,
    stop: AbortSignal,
  ): Promise<UploadView>;
  look(id: string): Promise<UploadView>;
  cancel(id: string): Promise<void>;
}

/** By `XMLHttpRequest`: `fetch` does not tell how much of a body has gone. */
function caller(make: () => XMLHttpRequest) {
  return <T>(
    method: string,
    address: string,
    body: Blob | string | null,
    more: { bearer?: string; progress?: (sent: number) => void; stop?: AbortSignal } = {},
  ): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      const request = make();
      request.open(method, address);
      request.setRequestHeader("accept", "application/json");
      if (more.bearer !== undefined) request.setRequestHeader("authorization", `Bearer ${more.bearer}`);
      if (body !== null)
        request.setRequestHeader(
          "content-type",
          typeof body === "string" ? "application/json" : "application/octet-stream",
        );
      request.upload.onprogress = (event) => more.progress?.(event.loaded);
      request.onerror = () => reject(new ProblemError({ code: "unreachable", status: 0, retryable: true }));
      request.onabort = () => reject(new DOMException("given up", "AbortError"));
      request.onload = () => {
        const answer = json(request.responseText);
        if (request.status >= 200 && request.status < 300) resolve(answer as T);
        else reject(refusal(request.status, answer));
      };
      more.stop?.addEventListener("abort", () => request.abort());
      request.send(body);
    });
}

/** An agent's files. */
export function xhrUploads(make: () => XMLHttpRequest, base = "/api/v1/attachments"): UploadWire {
  const call = caller(make);
  const at = (id: string) => `${base}/${encodeURIComponent(id)}`;
  return {
    begin: (file) => call("POST", base, JSON.stringify(file)),
    send: (id, from, bytes, progress, stop) =>
      call("PUT", `${at(id)}/content?from=${from}`, bytes, { progress, stop }),
    look: (id) => call("GET", at(id), null),
    cancel: (id) => call("DELETE", at(id), null),
  };
}

/** A customer's files: whoever knows the id of one made it, so no address has it. */
export function xhrRequestUploads(make: () => XMLHttpRequest, base = "/api/v1/request-file"): UploadWire {
  const call = caller(make);
  return {
    begin: (file) => call("POST", `${base}s`, JSON.stringify(file)),
    send: (id, from, bytes, progress, stop) =>
      call("PUT", `${base}/content?from=${from}`, bytes, { bearer: id, progress, stop }),
    look: (id) => call("GET", base, null, { bearer: id }),
    cancel: (id) => call("DELETE", base, null, { bearer: id }),
  };
}

/** Where a file of a message is. */
export function contentUrl(id: string): string {
  return `/api/v1/attachments/${encodeURIComponent(id)}/content`;
}

export function thumbnailUrl(id: string): string {
  return `/api/v1/attachments/${encodeURIComponent(id)}/thumbnail`;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function refusal(status: number, answer: unknown): ProblemError {
  const problem = answer as Problem | null;
  if (typeof problem?.code === "string") return new ProblemError({ ...problem, status });
  return new ProblemError({ code: `http_${status}`, status, retryable: status >= 500 });
}
