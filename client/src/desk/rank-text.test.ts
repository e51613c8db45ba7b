import { expect, test } from "vitest";
import type { RankReason } from "@/protocol/types";
import { turnText } from "./rank-text";

const NOW = Date.parse("2026-11-23T12:00:00Z");
const reason = (over: Partial<RankReason>): RankReason => ({
  rank: 1,
  priority: "normal",
  effective_priority: "normal",
  lifted: 0,
  next_due: null,
  waiting_since: "2026-11-23T07:00:00Z",
  text: "",
  ...over,
});

test("C29, C54: the reason for a rank is told in the reader's words", () => {
  expect(turnText(reason({}), NOW)).toBe("Normal priority · waited 5h");
  expect(
    turnText(reason({ effective_priority: "high", lifted: 1, next_due: "2026-11-23T14:00:00Z" }), NOW),
  ).toBe("High priority, raised from Normal by its wait · due in 2h · waited 5h");
  expect(turnText(reason({ next_due: "2026-11-23T11:30:00Z" }), NOW)).toBe(
    "Normal priority · 30m late · waited 5h",
  );
});
