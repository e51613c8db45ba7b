import type { DraftEvent } from "@/protocol/types";
import { type Fetch, refusal } from "./api";
import { asProblem, ProblemError } from "./problem-error";

/**
 * A draft of an answer as it is written: server-sent events over a call of our own, since `EventSource` cannot post.
 * Rejects with a `ProblemError`; whoever gives up aborts.
 */
export async function* replyDraft(
  fetch: Fetch,
  ticket: number,
  signal: AbortSignal,
  base = "/api/v1",
): AsyncGenerator<Exclude<DraftEvent, { type: "error" }>> {
  let response: Response;
  try {
    response = await fetch(`${base}/tickets/${ticket}/reply-draft`, {
      method: "POST",
      credentials: "same-origin",
      headers: { accept: "text/event-stream" },
      signal,
    });
  } catch (error) {
    throw asProblem(error);
  }
  if (!response.ok) throw await refusal(response);
  if (response.body === null) throw asProblem(new TypeError("an answer without a body"));
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      rest += done ? decoder.decode() : decoder.decode(value, { stream: true });
      const blocks = rest.split(/\r?\n\r?\n/);
      rest = done ? "" : (blocks.pop() ?? "");
      for (const block of blocks) {
        const event = eventOf(block);
        if (event === null) continue;
        if (event.type === "error") throw new ProblemError(event.problem);
        yield event;
        ended ||= event.type === "done";
      }
      if (done) break;
    }
  } catch (error) {
    throw asProblem(error);
  } finally {
    reader.cancel().catch(() => {});
  }
  if (!ended) throw asProblem(new TypeError("the draft broke off"));
}

function eventOf(block: string): DraftEvent | null {
  const data = block
    .split(/\r?\n/)
    .filter((line) => line.startsWith("data:"))
    .map((line) => line.slice("data:".length).replace(/^ /, ""));
  return data.length === 0 ? null : (JSON.parse(data.join("\n")) as DraftEvent);
}
