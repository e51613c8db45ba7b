import { describe, expect, test } from "vitest";
import { nextDue } from "@/desk/views";
import { record, ticket } from "@/sync/testing/tickets";
import { EventToScreen, Flow, standing } from "./figures";

const MINUTE = 60_000;
const START = Date.UTC(2026, 0, 5, 9);
const iso = (at: number) => new Date(at).toISOString();
const created = (at: number) =>
  record(1, 1, 1, { status: "new" }, { at: iso(at), event: { type: "created" } as never });
const solved = (at: number) => record(1, 1, 2, { status: "solved" }, { at: iso(at) });

describe("C50: in and out", () => {
  test("each minute has its own count, and an hour later it is gone", () => {
    const flow = new Flow(START);
    flow.take(created(START), undefined);
    flow.take(created(START + 5 * MINUTE), undefined);
    flow.take(created(START + 5 * MINUTE + 1), undefined);
    flow.take(solved(START + 6 * MINUTE), ticket({ id: 1, status: "open" }));
    flow.take(solved(START + 6 * MINUTE), ticket({ id: 1, status: "solved" }));
    const [times, came, went] = flow.series(START + 6 * MINUTE);
    expect(times).toHaveLength(61);
    expect(came.slice(-7)).toEqual([1, 0, 0, 0, 0, 2, 0]);
    expect(went.slice(-2)).toEqual([0, 1]);
    expect(flow.series(START + 200 * MINUTE)[1].every((count) => count === 0)).toBe(true);
  });

  test("a ticket that is opened again has come in again", () => {
    const flow = new Flow(START);
    flow.take(record(1, 1, 3, { status: "open" }, { at: iso(START) }), ticket({ id: 1, status: "solved" }));
    expect(flow.series(START)[1].at(-1)).toBe(1);
  });

  test("after days of records the lines are the last hour's, and the time to the screen is that of the newest", () => {
    const flow = new Flow(START);
    const screen = new EventToScreen();
    const days = 3 * 24 * 60;
    for (let minute = 0; minute < days; minute += 1) {
      for (let each = 0; each < 20; each += 1) {
        flow.take(created(START + minute * MINUTE + each), undefined);
        screen.take(each);
      }
    }
    const [times, came] = flow.series(START + (days - 1) * MINUTE);
    expect(times).toHaveLength(61);
    expect(came.every((count) => count === 20)).toBe(true);
    expect(screen.summary()).toMatchObject({ count: 256, skewed: false });
  });

  test("clocks that disagree are told instead of a figure that cannot be", () => {
    const screen = new EventToScreen();
    expect(screen.summary()).toBeNull();
    screen.take(-400);
    expect(screen.summary()?.skewed).toBe(true);
  });
});

test("C50: the figures are those of the board", () => {
  const sla = (due: number) => ({ ...ticket({ id: 1 }).sla, first_response_due: iso(due) });
  const now = START + 100 * MINUTE;
  const figures = standing(
    [
      ticket({ id: 1, created_at: iso(START), sla: sla(now - 1) }),
      ticket({ id: 2, created_at: iso(START + MINUTE), sla: sla(now + 5 * MINUTE) }),
      ticket({ id: 3, status: "open", assignee: "ada", sla: sla(now + 90 * MINUTE) }),
      ticket({ id: 4, status: "pending", assignee: "ada" }),
      ticket({ id: 5, created_at: iso(0), snoozed_until: iso(now + MINUTE) }),
    ],
    now,
    nextDue,
  );
  expect(figures).toMatchObject({ waiting: 2, oldest: { id: 1, since: START }, late: 1, atRisk: 1, open: 3 });
  expect([...figures.held]).toEqual([["ada", 1]]);
});
