// @vitest-environment jsdom
import { act, fireEvent, screen, within } from "@testing-library/react";
import { describe, expect, test, vi } from "vitest";
import type { LiveFigures, Me, Series, Trends } from "@/protocol/types";
import { ProblemError } from "@/sync/problem-error";
import { stage } from "../../../tests/render-desk";
import { AnalyticsScreen, type Section } from "./analytics-screen";

// Looking for things by role takes its time where much is drawn.
vi.setConfig({ testTimeout: 30_000 });
// A chart needs a canvas; what it draws is told in its table too.
vi.mock("@/desk/charts/time-chart", () => ({ TimeChart: () => null }));

const AT = "2026-11-23T08:00:00.000Z";
const spread = { count: 3, mean_ms: 60_000, median_ms: 120_000, p90_ms: 240_000, p95_ms: 300_000 };
const none = { count: 0, mean_ms: null, median_ms: null, p90_ms: null, p95_ms: null };
const both = { calendar: spread, business: spread };
const group = {
  waiting: 1,
  oldest_waiting_since: AT,
  unsolved: 4,
  at_risk: 1,
  breached: 2,
  created: 5,
  solved: 3,
};

function live(): LiveFigures {
  const minutes = new Array(60).fill(0);
  return {
    at: AT,
    seq: 7,
    now: {
      waiting: 12,
      oldest_waiting_since: AT,
      snoozed: 0,
      unsolved: 40,
      unassigned: 13,
      at_risk: 2,
      breached: 1,
      online: 5,
      away: 1,
      on_ticket: 3,
    },
    today: {
      since: AT,
      counts: { created: 21, solved: 17, sla_met: 9, sla_breached: 1 } as LiveFigures["today"]["counts"],
      first_response: both,
      next_response: both,
      resolution: both,
      wait: both,
      handling: both,
    },
    hour: {} as LiveFigures["hour"],
    minutes: {
      since: AT,
      created: [...minutes.slice(1), 4],
      solved: minutes,
      replies: minutes,
      customer_messages: minutes,
    },
    backlog: {
      by_status: { new: 10, open: 20, pending: 6, on_hold: 4 },
      by_age: [
        { below_ms: 3_600_000, count: 30 },
        { below_ms: null, count: 10 },
      ],
    },
    latency: { count: 9, median_ms: 4, p95_ms: 8, p99_ms: 12 },
    teams: {
      support: { ...group, reopened: 0, replies: 0, first_response: spread, resolution: none },
      none: { ...group, unsolved: 9, reopened: 0, replies: 0, first_response: none, resolution: none },
    },
    categories: {},
    priorities: {},
    channels: {},
    tags: {},
    agents: {
      ada: {
        state: "on_ticket",
        ticket: 2,
        holding: 3,
        claims: 4,
        replies: 5,
        solved: 6,
        first_response: spread,
        handling: spread,
      },
      bo: {
        state: "away",
        ticket: null,
        holding: 1,
        claims: 0,
        replies: 0,
        solved: 9,
        first_response: none,
        handling: none,
      },
    },
  };
}

const trends: Trends = {
  at: AT,
  seq: 7,
  time_zone: "UTC",
  anomalies: [
    {
      dimension: "category",
      value: "payments",
      since: AT,
      count: 37,
      expected: 9,
      times_usual: 4.1,
      p: 1e-6,
      text: "",
    },
  ],
  changes: [{ dimension: "all", value: null, at: AT, before: 40, after: 61.5, p: 0.001 }],
  arrivals: [{ at: AT, value: 3.2, low: 1, high: 6 }],
  backlog: [{ at: AT, value: 41, low: 35, high: 48 }],
  breaches: [{ at: AT, value: 0.4, low: 0, high: 2 }],
  staffing: {
    target_ms: 3_600_000,
    target_share: 0.8,
    handling_ms: 900_000,
    patience_ms: null,
    hours: [{ at: AT, arrivals: 3.2, agents: 2, share_in_time: 0.9, occupancy: 0.4, lost: 0 }],
  },
  notes: [],
};

const series = (query: URLSearchParams): Series => ({
  metric: { id: query.get("metric") ?? "", unit: "count", what: "", formula: "" },
  seq: 7,
  from: AT,
  to: AT,
  step: "1d",
  time_zone: "UTC",
  points: [1, 2, 3].map((value, day) => ({ at: `2026-11-2${day}T00:00:00.000Z`, value, count: value })),
});

async function open(
  section: Section,
  over: Record<string, unknown> = {},
  more: { triageStats?: () => Promise<unknown>; permissions?: string[] } = {},
) {
  const asked: URLSearchParams[] = [];
  const figures = {
    live: async () => live(),
    trends: async () => trends,
    series: async (query: URLSearchParams) => {
      asked.push(query);
      return series(query);
    },
    run: async () => ({ rows: [], from: AT, to: AT }),
    ...over,
  };
  const { triageStats, permissions } = more;
  const desk = await stage(() => <AnalyticsScreen section={section} onMenu={() => {}} />, {
    api: { figures, triageStats } as never,
    ...(permissions === undefined ? {} : { me: { id: "ada", name: "Ada", permissions } as unknown as Me }),
  });
  return { ...desk, asked };
}

const value = (name: string) => {
  const label = screen.getAllByText(name).find((one) => one.closest("dt") !== null);
  return within(label?.closest("dt")?.parentElement as HTMLElement).getAllByRole("definition")[0]
    ?.textContent;
};

describe("C83: analytics", () => {
  test("draw the live figures, and follow each frame", async () => {
    const { desk } = await open("overview");
    await screen.findByText("Waiting now");
    expect(value("Waiting now")).toBe("12");
    expect(value("Targets met")).toBe("90%");
    expect(value("First answer")).toBe("2m");
    act(() => desk.sync.figures({ ...live(), seq: 8, whole: true, now: { ...live().now, waiting: 13 } }));
    expect(value("Waiting now")).toBe("13");
    act(() => desk.sync.figures({ at: AT, seq: 9, now: { ...live().now, waiting: 14 } }));
    expect(value("Waiting now")).toBe("14");
    expect(value("Unsolved")).toBe("40");
  });

  test("tell beside each chart the same in a table, and what a figure means", async () => {
    await open("overview");
    await screen.findByText("Waiting now");
    const flow = screen.getAllByRole("region", { name: "In and out" })[0] as HTMLElement;
    fireEvent.click(within(flow).getByRole("button", { name: "Show as table" }));
    const table = within(flow).getByRole("table", { name: "In and out, as a table" });
    expect(within(table).getAllByRole("row")).toHaveLength(61);
    expect(within(table).getAllByRole("cell").at(-2)?.textContent).toBe("4");
    fireEvent.click(screen.getAllByRole("button", { name: "What “Opened” means" })[0] as HTMLElement);
    expect(screen.getByText("Tickets opened")).toBeTruthy();
  });

  test("leave out the unfinished first step, and count anew for another time or team", async () => {
    const { asked } = await open("sla");
    await vi.waitFor(() => expect(value("Targets met")).toBe("50%"));
    await vi.waitFor(() => expect(value("Will be missed")).toBe("0.4"));
    fireEvent.change(screen.getByRole("combobox", { name: "Time" }), { target: { value: "24h" } });
    await vi.waitFor(() => expect(asked.at(-1)?.get("step")).toBe("1h"));
  });

  test("say what is unusual in words of this language", async () => {
    await open("trends");
    const unusual = await screen.findByRole("region", { name: "Unusual now" });
    expect(unusual.textContent).toContain("payments");
    expect(unusual.textContent).toMatch(/4\.1 times the usual, since/);
    expect(screen.getByRole("region", { name: "New levels" }).textContent).toContain("40 → 61.5 a day");
    expect(screen.getByRole("region", { name: "People needed" }).textContent).toContain("80%");
    const missed = screen.getByRole("region", { name: "Missed targets, next 24 hours" });
    expect(missed.textContent).toContain("About 0.4 in all.");
  });

  test("tell what triage costs, and of how many decisions a share is", async () => {
    const judged = { accepted: 3, edited: 1, rejected: 0, kept: 2, passed_over: 0 };
    const nobody = { accepted: 0, edited: 0, rejected: 0, kept: 0, passed_over: 0 };
    const stats = {
      service: {
        spent_today_usd: 0.0039,
        daily_budget_usd: 5,
        cache_hit_ratio: 0.49,
        tickets: 24,
        usd_per_1000_tickets: 0.162,
      },
      queue: { waiting: 2, behind_ms: 3_000 },
      acceptance: [
        { field: "category", source: "deepseek", ...judged },
        { field: "tags", source: "learner", ...nobody },
      ],
      categories: [
        { category: "billing", source: "deepseek", right: 3, wrong: 1 },
        { category: "billing", source: "learner", right: 2, wrong: 0 },
      ],
    };
    await open("ai", {}, { triageStats: async () => stats, permissions: ["triage_review"] });
    await vi.waitFor(() => expect(value("Spent today")).toBe("$0.0039"));
    expect(value("Per 1,000 tickets")).toBe("$0.162");
    expect(value("To be sorted")).toBe("2");
    const fields = screen.getByRole("table", { name: "Taken as proposed, by field" });
    expect(within(fields).getAllByRole("row")).toHaveLength(1);
    expect(fields.textContent).toContain("5 of 6");
    expect(screen.getByRole("table", { name: "Accepted by category" }).textContent).toContain("5 of 6");
  });

  test("order people and teams by any column", async () => {
    await open("agents");
    const table = await screen.findByRole("table", { name: "People" });
    const first = () => within(table).getAllByRole("rowheader")[0]?.textContent;
    expect(first()).toContain("Ada");
    fireEvent.click(within(table).getByRole("button", { name: "Solved" }));
    expect(first()).toContain("Bo");
    expect(within(table).getByRole("columnheader", { name: "Solved" }).getAttribute("aria-sort")).toBe(
      "descending",
    );
  });

  test("say what is wrong, and try again", async () => {
    let calls = 0;
    await open("overview", {
      live: async () => {
        calls += 1;
        throw new ProblemError({ code: "forbidden", status: 403, retryable: false });
      },
    });
    await vi.waitFor(() => screen.getByRole("alert"));
    const before = calls;
    fireEvent.click(screen.getByRole("button", { name: "Try again" }));
    await vi.waitFor(() => expect(calls).toBeGreaterThan(before));
  });
});
