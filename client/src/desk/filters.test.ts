import { describe, expect, test } from "vitest";
import { ticket } from "@/sync/testing/tickets";
import { hasFilters, matches, parseFilters, toggled, withFilters } from "./filters";

describe("C44: filters", () => {
  test("stand in the address by the contract's names, and come back from it as they were", () => {
    const address = withFilters("?q=late&status=closed", {
      status: ["open", "new"],
      assignee: ["none"],
      tag: ["a b"],
    });
    expect(address).toBe("?q=late&status=open&status=new&assignee=none&tag=a+b");
    expect(parseFilters(address)).toEqual({ status: ["open", "new"], assignee: ["none"], tag: ["a b"] });
    expect(hasFilters(parseFilters("?q=late"))).toBe(false);
  });

  test("several values of a field mean any, several fields mean all", () => {
    const passes = matches({ status: ["new", "open"], priority: ["high"], assignee: ["none"] });
    expect(passes(ticket({ id: 1, status: "open", priority: "high" }))).toBe(true);
    expect(passes(ticket({ id: 1, status: "pending", priority: "high" }))).toBe(false);
    expect(passes(ticket({ id: 1, status: "open", priority: "low" }))).toBe(false);
    expect(passes(ticket({ id: 1, status: "open", priority: "high", assignee: "ada" }))).toBe(false);
  });

  test("a value is put in and taken out, and the last one takes its field along", () => {
    const one = toggled({}, "tag", "vip");
    expect(toggled(one, "tag", "late")).toEqual({ tag: ["vip", "late"] });
    expect(toggled(one, "tag", "vip")).toEqual({});
  });
});
