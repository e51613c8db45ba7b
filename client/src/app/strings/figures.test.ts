import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { figuresEn } from "./figures-en";
import { figuresFr } from "./figures-fr";

function sentences(node: unknown, path = ""): [string, string][] {
  if (typeof node === "string") return [[path, node]];
  if (typeof node === "function") return [[path, String(node("2", "3", "4"))]];
  if (typeof node !== "object" || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) => sentences(value, `${path}/${key}`));
}

/** Words that are the same in both. */
const SAME = new Set(["/noTime", "/report/csv", "/report/json"]);

describe("C81: the words of figures", () => {
  test("are in French, all of them", () => {
    const french = new Map(sentences(figuresFr));
    const english = sentences(figuresEn);
    expect([...french.keys()].sort()).toEqual(english.map(([path]) => path).sort());
    const left = english.filter(([path, text]) => french.get(path) === text && !SAME.has(path));
    expect(left).toEqual([]);
  });

  test("define each figure as the desk's own table does", () => {
    const table = readFileSync(new URL("../../../../docs/METRICS.md", import.meta.url), "utf8");
    const rows = [...table.matchAll(/^\| `(\w+)` \| [^|]+ \| ([^|]+) \| ([^|]+) \|$/gm)];
    expect(rows.length).toBeGreaterThan(20);
    expect(Object.keys(figuresEn.metrics).sort()).toEqual(rows.map((row) => row[1]).sort());
    for (const [, id = "", what, how] of rows) {
      const [, ours, formula] = figuresEn.metrics[id] ?? [];
      expect([id, ours, formula]).toEqual([id, what, how]);
    }
  });
});
