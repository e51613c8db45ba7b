// @vitest-environment jsdom
import { act, fireEvent, screen, within } from "@testing-library/react";
import { expect, test } from "vitest";
import type { ErrorGroup, Me, Operations } from "@/protocol/types";
import { stage } from "../../../tests/render-desk";
import { OperationsScreen } from "./operations-screen";

const found: Operations = {
  readiness: { ready: true, phase: "ready", checks: [{ name: "journal", ok: true, detail: "head 7" }] },
  figures: [
    { name: "hotdesk_sessions", help: "Open sockets.", value: 12 },
    {
      name: "hotdesk_commit_seconds",
      help: "Making a group durable.",
      count: 9,
      mean: 0.002,
      median: 0.0021,
      p99: 0.014,
    },
    { name: "hotdesk_feed_bytes", help: "Records held.", value: 2_500_000 },
    { name: "hotdesk_triage_cost_usd_today", help: "What the service has cost.", value: 0.0123 },
    // What is not a number is null on the wire.
    { name: "hotdesk_backup_age_seconds", help: "Since the last backup.", value: null as never },
  ],
};

const errors: ErrorGroup[] = [
  {
    fingerprint: "f1",
    source: "browser",
    message: "x is undefined",
    place: "/board",
    stack: null,
    build: "b7",
    count: 3,
    first_at: "2026-11-23T08:00:00.000Z",
    last_at: "2026-11-23T09:00:00.000Z",
  },
];

async function open(permissions: string[]) {
  let calls = 0;
  const operations = async () => {
    calls += 1;
    return found;
  };
  await stage(() => <OperationsScreen onMenu={() => {}} />, {
    me: { id: "ada", name: "Ada", permissions } as unknown as Me,
    api: { figures: { operations, errors: async () => errors } } as never,
  });
  await act(async () => {
    await new Promise((done) => setImmediate(done));
  });
  return () => calls;
}

test("C85: administrators see how the server is doing, in units that people read", async () => {
  await open(["settings_write", "audit_read"]);
  expect((await screen.findByText("Writing to disk")).closest("div")?.textContent).toContain("2.1 ms");
  expect(screen.getByText("Feed in memory").closest("div")?.textContent).toContain("2.5 MB");
  expect(screen.getByText("AI today").closest("div")?.textContent).toContain("$0.0123");
  expect(screen.getByRole("row", { name: /hotdesk_backup_age_seconds – – – –/ })).toBeTruthy();
  expect(screen.getByText("journal")).toBeTruthy();
  const wrong = await screen.findByRole("table", { name: "What went wrong" });
  expect(within(wrong).getByRole("row", { name: /x is undefined.*\/board 3/ })).toBeTruthy();
  fireEvent.change(screen.getByRole("searchbox", { name: "Find a measurement" }), {
    target: { value: "sessions" },
  });
  expect(
    within(screen.getByRole("table", { name: "All measurements" })).getAllByRole("rowheader"),
  ).toHaveLength(1);
});

test("C85: nobody else does, and nothing is asked for them", async () => {
  const calls = await open([]);
  expect(screen.getByText("Only administrators see this")).toBeTruthy();
  expect(calls()).toBe(0);
});
