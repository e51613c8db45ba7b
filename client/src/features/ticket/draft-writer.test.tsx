// @vitest-environment jsdom
import { act, fireEvent, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Command } from "@/protocol/types";
import { stage } from "../../../tests/render-desk";
import { TicketPane } from "./ticket-pane";

let say: (event: object | null) => void;
let refusal: Response | null;

beforeEach(async () => {
  refusal = null;
  vi.stubGlobal("fetch", (input: string, init: RequestInit) => {
    expect([init.method, input]).toEqual(["POST", "/api/v1/tickets/1/reply-draft"]);
    return new Promise<Response>((answer) => {
      const body = new ReadableStream<Uint8Array>({
        start(stream) {
          init.signal?.addEventListener("abort", () =>
            stream.error(new DOMException("given up", "AbortError")),
          );
          say = (event) =>
            event === null
              ? stream.close()
              : stream.enqueue(new TextEncoder().encode(`data: ${JSON.stringify(event)}\n\n`));
        },
      });
      answer(refusal ?? new Response(body));
    });
  });
  const desk = await stage(() => <TicketPane id={1} claimedBecause={null} onBack={() => {}} />);
  const triage = { state: "untriaged", source: null, tags: [], category: null, priority: null };
  desk.server.execute("bo", {
    t: "cmd",
    id: "triage",
    ticket: 1,
    do: { type: "update", triage } as unknown as Command,
  });
  await desk.advance(100);
});

afterEach(() => vi.unstubAllGlobals());

const reply = () => screen.getByRole("textbox", { name: /^Reply to/ }) as HTMLTextAreaElement;
const key = (name: string) => act(async () => fireEvent.keyDown(document.body, { key: name }));
const hear = (...events: (object | null)[]) =>
  act(async () => {
    for (const event of events) say(event);
  });
const SOURCE = { id: 12, subject: "A kettle", status: "solved", likeness: 0.5, answer: "Unplug it." };

describe("C66: a draft in the composer", () => {
  test("is written behind what stands there, with what it is made of", async () => {
    fireEvent.change(reply(), { target: { value: "Hello Rosa," } });
    await key("w");
    await hear({ type: "sources", sources: [SOURCE] }, { type: "delta", text: "please " });
    await waitFor(() => expect(reply().value).toBe("Hello Rosa,\n\nplease "));
    expect(screen.getByRole("link", { name: "#12" }).getAttribute("href")).toBe("/tickets/12");
    await hear(
      { type: "delta", text: "unplug it" },
      { type: "done", text: "please unplug it.", cut: false },
      null,
    );
    await waitFor(() => expect(reply().value).toBe("Hello Rosa,\n\nplease unplug it."));
    await screen.findByRole("button", { name: "Draft an answer" });
  });

  test("that fails leaves what was written before", async () => {
    fireEvent.change(reply(), { target: { value: "Hello Rosa," } });
    await key("w");
    await hear({ type: "delta", text: "plea" });
    await waitFor(() => expect(reply().value).toContain("plea"));
    await hear({ type: "error", problem: { code: "overloaded", status: 503, retryable: true } });
    await waitFor(() => expect(reply().value).toBe("Hello Rosa,"));
  });

  test("that is written into ends, and what the agent wrote stays, also where it fails", async () => {
    await key("w");
    await hear({ type: "delta", text: "Dear " });
    await waitFor(() => expect(reply().value).toBe("Dear "));
    fireEvent.change(reply(), { target: { value: "Dear Rosa, I" } });
    await hear({ type: "delta", text: "customer" });
    await screen.findByRole("button", { name: "Draft an answer" });
    expect(reply().value).toBe("Dear Rosa, I");

    await key("w");
    await hear({ type: "delta", text: "plea" });
    await waitFor(() => expect(reply().value).toContain("plea"));
    fireEvent.change(reply(), { target: { value: "I took over" } });
    await hear({ type: "error", problem: { code: "overloaded", status: 503, retryable: true } });
    await screen.findByRole("button", { name: "Draft an answer" });
    expect(reply().value).toBe("I took over");
  });

  test("that is stopped keeps what came", async () => {
    await key("w");
    await hear({ type: "delta", text: "Dear Rosa" });
    await waitFor(() => expect(reply().value).toBe("Dear Rosa"));
    fireEvent.click(screen.getByRole("button", { name: "Stop" }));
    await screen.findByRole("button", { name: "Draft an answer" });
    expect(reply().value).toBe("Dear Rosa");
  });

  test("that is refused changes nothing", async () => {
    refusal = new Response(JSON.stringify({ code: "triage_off", status: 409 }), { status: 409 });
    await key("w");
    await screen.findByRole("button", { name: "Draft an answer" });
    expect(reply().value).toBe("");
  });
});
