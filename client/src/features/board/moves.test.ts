import { describe, expect, test } from "vitest";
import type { User } from "@/protocol/types";
import { ticket } from "@/sync/testing/tickets";
import { columnsOf, find, moveTo, neighbour } from "./moves";

const moves = { new: ["open"], open: ["pending"], pending: [], on_hold: [], solved: ["open"], closed: [] };
const info = { moves, teams: [] } as unknown as Parameters<typeof moveTo>[3];
const person = (id: string, teams: string[], active = true) =>
  ({ id, name: id, role: "agent", teams, active }) as User;
const people = new Map([
  ["ada", person("ada", [])],
  ["bo", person("bo", ["billing"])],
  ["cy", person("cy", [], false)],
]);
type Permissions = Parameters<typeof moveTo>[5]["permissions"];
const move = (
  of: ReturnType<typeof ticket>,
  axis: Parameters<typeof moveTo>[1],
  to: string,
  permissions: Permissions = [],
) => moveTo(of, axis, to, info, people, { id: "ada", permissions });

describe("C48: what a drop would do", () => {
  test("a status is reached only along the server's own table", () => {
    const fresh = ticket({ id: 1, status: "new" });
    expect(move(fresh, "status", "open")).toEqual({ kind: "allowed", fields: { status: "open" } });
    expect(move(fresh, "status", "solved")).toEqual({ kind: "refused", why: "lifecycle" });
    expect(move(fresh, "status", "new")).toEqual({ kind: "same" });
    expect(move(ticket({ id: 1, status: "closed" }), "priority", "high")).toEqual({
      kind: "refused",
      why: "lifecycle",
    });
  });

  test("a ticket goes only to somebody who is active and of its team", () => {
    const ours = ticket({ id: 1, team: "support" });
    expect(move(ours, "assignee", "ada")).toEqual({ kind: "allowed", fields: { assignee: "ada" } });
    expect(move(ours, "assignee", "bo")).toEqual({ kind: "refused", why: "team" });
    expect(move(ours, "assignee", "cy")).toEqual({ kind: "refused", why: "inactive" });
    expect(move({ ...ours, assignee: "ada" }, "assignee", "")).toEqual({
      kind: "allowed",
      fields: { assignee: null },
    });
  });

  test("nobody takes a ticket off somebody else without the right to", () => {
    const theirs = ticket({ id: 1, assignee: "bo" });
    expect(move(theirs, "assignee", "")).toEqual({ kind: "refused", why: "holder" });
    expect(move(theirs, "assignee", "", ["release_others"])).toEqual({
      kind: "allowed",
      fields: { assignee: null },
    });
  });
});

describe("C48: the columns", () => {
  const columns = columnsOf([5, 3, 8, 2], (id) => ({ 5: "new", 3: "new", 8: "solved", 2: "gone" })[id], [
    "new",
    "open",
    "solved",
  ]);

  test("are those that must be there, and those that somebody is in", () => {
    expect(columns).toEqual([
      { key: "new", ids: [5, 3] },
      { key: "open", ids: [] },
      { key: "solved", ids: [8] },
      { key: "gone", ids: [2] },
    ]);
  });

  test("arrows lead to the neighbours, over empty columns, and nowhere beyond the edge", () => {
    const at = find(columns, 3);
    expect(at).toEqual({ column: 0, row: 1 });
    if (at === null) return;
    expect(neighbour(columns, at, 0, -1)).toBe(5);
    expect(neighbour(columns, at, 0, 1)).toBeNull();
    expect(neighbour(columns, at, 1, 0)).toBe(8);
    expect(neighbour(columns, at, -1, 0)).toBeNull();
  });
});
