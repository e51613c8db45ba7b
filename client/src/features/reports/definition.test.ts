import { describe, expect, test } from "vitest";
import type { ReportResult } from "@/protocol/types";
import { definitionOf, drawn, FIRST, sketchOf } from "./definition";

describe("C82: a report's definition", () => {
  test("says what was chosen, and nothing that was not", () => {
    expect(definitionOf({ ...FIRST, split: ["", ""] })).toEqual({ measure: "created", last: "30d" });
    const definition = definitionOf({
      ...FIRST,
      split: ["team", "team"],
      filter: [
        { dimension: "tag", values: " vip, , fire " },
        { dimension: "team", values: "" },
      ],
      grain: "day",
      clock: "business",
    });
    expect(definition).toEqual({
      measure: "created",
      split: ["team"],
      filter: { tag: ["vip", "fire"] },
      last: "30d",
      grain: "day",
      clock: "business",
    });
    expect(definitionOf(sketchOf(definition))).toEqual(definition);
  });

  test("holds the last day of a range, and finds it again", () => {
    const sketch = {
      ...FIRST,
      split: ["", ""] as [string, string],
      last: "",
      from: "2026-11-01",
      to: "2026-11-30",
    };
    const definition = definitionOf(sketch);
    expect(new Date(definition.to ?? "").getDate()).toBe(1);
    expect(sketchOf(definition)).toEqual(sketch);
    expect(definitionOf({ ...sketch, to: "" })).not.toHaveProperty("to");
  });

  test("a result over time is lines: nothing is 0 where it is counted, and a gap where it is measured", () => {
    const result = (unit: "count" | "duration") =>
      ({
        metric: { id: "x", unit, what: "", formula: "" },
        rows: [
          { at: "2026-11-01T00:00:00Z", keys: ["a"], value: 1, count: 1 },
          { at: "2026-11-02T00:00:00Z", keys: ["b"], value: 5, count: 5 },
        ],
      }) as unknown as ReportResult;
    expect(drawn(result("count")).lines.map((line) => [line.keys, line.values])).toEqual([
      [["b"], [0, 5]],
      [["a"], [1, 0]],
    ]);
    expect(drawn(result("duration")).lines[0]?.values).toEqual([null, 5]);
  });
});
