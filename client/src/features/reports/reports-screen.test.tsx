// @vitest-environment jsdom
import { act, fireEvent, screen, within } from "@testing-library/react";
import { describe, expect, test, vi } from "vitest";
import type { Me, Report, ReportDefinition, ReportResult } from "@/protocol/types";
import { ProblemError } from "@/sync/problem-error";
import { stage } from "../../../tests/render-desk";
import { ReportsScreen } from "./reports-screen";

// Looking for things by role takes its time where much is drawn.
vi.setConfig({ testTimeout: 30_000 });
vi.mock("@/desk/charts/time-chart", () => ({ TimeChart: () => null }));

const AT = "2026-11-23T08:00:00.000Z";
const result = (definition: ReportDefinition): ReportResult => ({
  metric: { id: definition.measure, unit: "count", what: "", formula: "" },
  seq: 3,
  from: AT,
  to: AT,
  time_zone: "UTC",
  clock: "calendar",
  grain: null,
  split: definition.split ?? [],
  rows: [
    { keys: ["support"], value: 3, count: 3 },
    { keys: ["none"], value: 1, count: 1 },
  ],
  total: { value: 4, count: 4 },
});

const saved: Report = {
  id: "r1",
  name: "Solved by team",
  definition: { measure: "solved", split: ["team"], last: "7d" },
  shared: true,
  owner: "ada",
  created_at: AT,
};

async function settle() {
  await act(async () => {
    await new Promise((done) => setImmediate(done));
  });
}

async function open(report: string | undefined, over: Record<string, unknown> = {}) {
  const ran: ReportDefinition[] = [];
  const looked: unknown[] = [];
  const kept: unknown[] = [];
  const figures = {
    metrics: async () => ({
      data: [{ id: "created" }, { id: "solved" }, { id: "wait_time" }],
      splits: [],
      grains: [],
    }),
    reports: async () => [saved],
    run: async (definition: ReportDefinition) => {
      ran.push(definition);
      return result(definition);
    },
    behind: async (drill: unknown) => {
      looked.push(drill);
      return { tickets: [2, 1], total: 2 };
    },
    saveReport: async (report: unknown) => {
      kept.push(report);
      return { ...saved, id: "r2" };
    },
    files: async () => [],
    ...over,
  };
  await stage(() => <ReportsScreen report={report} onMenu={() => {}} />, {
    me: { id: "ada", name: "Ada", permissions: ["reports_write"] } as unknown as Me,
    api: {
      figures,
      ticket: async (id: number) => ({ id, subject: `Ticket ${id}`, status: "open" }),
    } as never,
  });
  await settle();
  return { ran, looked, kept };
}

describe("C84: reports", () => {
  test("are built, run, and looked into down to the tickets", async () => {
    const { ran, looked } = await open(undefined);
    fireEvent.change(screen.getByRole("combobox", { name: "Figure" }), { target: { value: "solved" } });
    fireEvent.change(screen.getByRole("combobox", { name: "then by" }), { target: { value: "priority" } });
    fireEvent.click(screen.getByRole("button", { name: "Add a filter" }));
    fireEvent.change(screen.getByRole("textbox", { name: /^Values of/ }), { target: { value: "support" } });
    fireEvent.click(screen.getByRole("button", { name: "Run" }));
    await settle();
    expect(ran.at(-1)).toEqual({
      measure: "solved",
      split: ["team", "priority"],
      filter: { team: ["support"] },
      last: "30d",
    });
    const table = await screen.findByRole("table", { name: "Solved, as a table" });
    expect(within(table).getAllByRole("row")).toHaveLength(4);
    fireEvent.click(within(table).getByRole("button", { name: "3, Tickets: support" }));
    await settle();
    // A48: over the range that was counted, not over the last 30 days of now.
    const { last: _, ...asked } = ran.at(-1) as ReportDefinition;
    expect(looked).toEqual([{ definition: { ...asked, from: AT, to: AT }, cell: { keys: ["support"] } }]);
    const dialog = await screen.findByRole("dialog", { name: "The tickets behind this" });
    await vi.waitFor(() => within(dialog).getByText("Ticket 2"));
    expect(within(dialog).getAllByRole("link")).toHaveLength(2);
  });

  test("run when they are opened, and are there as CSV", async () => {
    const { ran } = await open("r1");
    await vi.waitFor(() => expect(ran).toEqual([saved.definition]));
    expect(screen.getByRole("heading", { name: "Solved by team" })).toBeTruthy();
    expect(screen.getByRole("link", { name: "CSV" }).getAttribute("href")).toBe(
      "/api/v1/reports/r1/run?format=csv",
    );
  });

  test("are saved with a schedule", async () => {
    const { kept } = await open(undefined);
    fireEvent.click(screen.getByRole("button", { name: "Save as" }));
    const dialog = await screen.findByRole("dialog", { name: "Save this report" });
    fireEvent.change(within(dialog).getByRole("textbox", { name: "Name" }), { target: { value: "Mine" } });
    fireEvent.change(within(dialog).getByRole("combobox", { name: "Runs by itself" }), {
      target: { value: "week" },
    });
    fireEvent.click(within(dialog).getByRole("checkbox", { name: "Everybody at the desk sees it" }));
    fireEvent.click(within(dialog).getByRole("button", { name: "Save" }));
    await settle();
    expect(kept).toEqual([
      {
        name: "Mine",
        definition: { measure: "created", split: ["team"], last: "30d" },
        shared: true,
        schedule: { every: "week", at: "07:00", format: "csv" },
      },
    ]);
  });

  test("say what is asked too much, in the server's words", async () => {
    await open(undefined, {
      run: async () => {
        throw new ProblemError({
          code: "invalid_field",
          status: 422,
          retryable: false,
          errors: [{ pointer: "/grain", code: "too_many", detail: "choose a coarser grain" }],
        });
      },
    });
    fireEvent.click(screen.getByRole("button", { name: "Run" }));
    await settle();
    expect(screen.getByRole("alert").textContent).toContain("choose a coarser grain");
  });
});
