import { expect, test } from "vitest";
import { resolveStack } from "../scripts/resolve-stack.mjs";

test("O36: a stack of a build is resolved to the source by its maps, without a network", () => {
  // Column 8 of line 1 is line 3, column 5 of the source.
  const map = { version: 3, sources: ["../src/desk/drafts.ts"], names: [], mappings: "QAEI" };
  const stack =
    "TypeError: x\n    at f (https://desk.example/assets/index-B1.js:1:9)\n    at g (/assets/other-C2.js:5:1)";
  const mapOf = (file: string) => (file === "index-B1.js" ? map : null);
  expect(resolveStack(stack, mapOf)).toBe(
    "TypeError: x\n    at f (../src/desk/drafts.ts:3:5)\n    at g (/assets/other-C2.js:5:1)",
  );
});
