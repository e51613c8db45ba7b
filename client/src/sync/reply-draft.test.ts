import { describe, expect, test } from "vitest";
import { replyDraft } from "./reply-draft";

const said = (event: object) => `event: x\ndata: ${JSON.stringify(event)}\n\n`;
const WHOLE =
  ": keep-alive\n\n" +
  said({ type: "sources", sources: [] }) +
  said({ type: "delta", text: "Grüß" }) +
  said({ type: "delta", text: " Gott" }) +
  said({ type: "done", text: "Grüß Gott", cut: false });

/** Answers in pieces of so many bytes. */
function answering(text: string, piece: number) {
  const bytes = new TextEncoder().encode(text);
  return async () =>
    new Response(
      new ReadableStream({
        start(stream) {
          for (let at = 0; at < bytes.length; at += piece) stream.enqueue(bytes.slice(at, at + piece));
          stream.close();
        },
      }),
    );
}

async function read(fetch: () => Promise<Response>) {
  const events = [];
  for await (const event of replyDraft(fetch, 7, new AbortController().signal)) events.push(event);
  return events;
}

describe("C66: a draft of an answer", () => {
  test.each([1, 2, 7, 10_000])("is read whole, in pieces of %i bytes", async (piece) => {
    expect(await read(answering(WHOLE, piece))).toEqual([
      { type: "sources", sources: [] },
      { type: "delta", text: "Grüß" },
      { type: "delta", text: " Gott" },
      { type: "done", text: "Grüß Gott", cut: false },
    ]);
  });

  test("that fails on the way says why", async () => {
    const problem = { code: "overloaded", status: 503, retryable: true, detail: "busy" };
    const failing = said({ type: "delta", text: "Gr" }) + said({ type: "error", problem });
    await expect(read(answering(failing, 5))).rejects.toMatchObject({ code: "overloaded" });
  });

  test("that breaks off is no draft", async () => {
    await expect(read(answering(said({ type: "delta", text: "Gr" }), 5))).rejects.toMatchObject({
      code: "unreachable",
    });
  });

  test("that is refused is refused by its code", async () => {
    const refusing = async () =>
      new Response(JSON.stringify({ code: "not_found", status: 404, detail: "no" }), { status: 404 });
    await expect(read(refusing)).rejects.toMatchObject({ code: "not_found", status: 404 });
  });
});
