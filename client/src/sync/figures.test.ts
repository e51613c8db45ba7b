import { describe, expect, test } from "vitest";
import type { LiveChange, LiveFigures } from "@/protocol/types";
import { Figures, withChange } from "./figures";

const group = (waiting: number) => ({ waiting }) as never;
const whole = {
  at: "2026-11-23T08:00:00.000Z",
  seq: 1,
  whole: true,
  now: { waiting: 2 },
  teams: { support: group(1), billing: group(1) },
} as unknown as LiveChange;

describe("C80: live figures", () => {
  test("take a frame's figures in place of the former ones, and leave the others", () => {
    const first = withChange(null, whole);
    const after = withChange(first, {
      at: "2026-11-23T08:00:01.000Z",
      seq: 2,
      teams: { billing: null, sales: group(3) },
    });
    expect(after.seq).toBe(2);
    expect(after.now.waiting).toBe(2);
    expect(after.teams).toEqual({ support: { waiting: 1 }, sales: { waiting: 3 } });
    expect(first.teams).toHaveProperty("billing");
    expect(after).not.toHaveProperty("whole");
  });

  test("forget everything with a whole frame, so that nothing is left that one may not see any more", () => {
    const first = withChange(null, whole);
    const after = withChange(first, { ...whole, seq: 3, teams: { support: group(4) } });
    expect(Object.keys(after.teams)).toEqual(["support"]);
  });

  test("are followed once, while somebody looks", () => {
    const asked: boolean[] = [];
    const figures = new Figures((wanted) => asked.push(wanted));
    figures.heard(whole);
    expect(figures.state.get()).toBeNull();
    const first = figures.watch();
    const second = figures.watch();
    figures.heard({ at: whole.at, seq: 1, now: { waiting: 9 } as never });
    expect(figures.state.get()).toBeNull();
    figures.heard(whole);
    expect(figures.state.get()?.now.waiting).toBe(2);
    figures.told({ seq: 0, now: { waiting: 7 } } as unknown as LiveFigures);
    expect(figures.state.get()?.now.waiting).toBe(2);
    first();
    first();
    expect(asked).toEqual([true]);
    second();
    expect(asked).toEqual([true, false]);
    expect(figures.state.get()).toBeNull();
  });
});
