// @vitest-environment jsdom
import { render, screen } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { ErrorBoundary } from "./error-boundary";
import { reportError } from "./report-error";

test("C68: what breaks a part of the screen is told to the server once, and the screen says so", () => {
  const sent: [string, RequestInit][] = [];
  vi.stubGlobal("fetch", (input: string, init: RequestInit) => {
    sent.push([input, init]);
    return Promise.reject(new TypeError("unreachable"));
  });
  vi.spyOn(console, "error").mockImplementation(() => {});
  function Broken(): never {
    throw new Error("a bug");
  }
  const draw = () =>
    render(
      <ErrorBoundary>
        <Broken />
      </ErrorBoundary>,
    );
  draw();
  draw();
  expect(screen.getAllByRole("alert")).toHaveLength(2);
  expect(sent).toHaveLength(1);
  const [address, { method, body }] = sent[0] as [string, RequestInit];
  expect([method, address]).toEqual(["POST", "/api/v1/client-errors"]);
  expect(JSON.parse(String(body))).toMatchObject({ message: "a bug", place: "/", stack: expect.any(String) });
  vi.unstubAllGlobals();
});

test("C68: a page that fails without end tells it a few times only", () => {
  let sent = 0;
  const send = (async () => {
    sent += 1;
    return new Response(null, { status: 204 });
  }) as unknown as typeof fetch;
  for (let turn = 0; turn < 50; turn += 1) reportError(new Error(`bug ${turn}`), send);
  expect(sent).toBeLessThanOrEqual(5);
});
