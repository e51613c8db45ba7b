import { describe, expect, test } from "vitest";
import { en } from "./en";
import { fr } from "./fr";

/** Every sentence with its place; a function is called with figures and words, so that what it says can be looked at. */
function sentences(node: unknown, path = ""): [string, string][] {
  if (typeof node === "string") return [[path, node]];
  if (typeof node === "function") return [[path, String(node("2", "3", "4"))]];
  if (typeof node !== "object" || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) => sentences(value, `${path}/${key}`));
}

/** Words that are the same in both. */
const SAME = new Set([
  "/product",
  "/bulk/selected",
  "/channel/api",
  "/list/label",
  "/list/tickets",
  "/ticket/label",
  "/ticket/system",
  "/ticket/thread",
  "/details/links",
  "/palette/tickets",
  "/actions/sections/tickets",
  "/actions/sections/app",
  "/search/found",
  "/board/card",
  "/board/column",
  "/wallboard/agents",
  "/past/pause",
  "/settings/sections/macros",
  "/settings/roles/agent",
  "/macros/title",
  "/composer/note",
  "/details/metric/resolution_due",
  "/events/metric/resolution",
  "/past/moment",
  "/views/mentions",
  "/triage/sources/deepseek",
]);

describe("C54: French", () => {
  const french = new Map(sentences(fr));

  test("has every sentence that English has, and no other", () => {
    expect([...french.keys()].sort()).toEqual(
      sentences(en)
        .map(([path]) => path)
        .sort(),
    );
  });

  test("is French throughout", () => {
    const left = sentences(en)
      .filter(([path, text]) => french.get(path) === text && !SAME.has(path) && !path.endsWith("/id"))
      .map(([path]) => path);
    expect(left).toEqual([]);
  });
});
