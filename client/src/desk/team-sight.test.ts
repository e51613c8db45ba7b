import { describe, expect, test } from "vitest";
import type { User } from "@/protocol/types";
import { isAssignable, sees } from "./team-sight";

const info = {
  teams: [
    { id: "legal", name: "Legal", description: "", private: true },
    { id: "support", name: "Support", description: "" },
  ],
};
const person = (over: Partial<User>) => ({ role: "agent", teams: [], active: true, ...over }) as User;

describe("C61: whom a ticket concerns", () => {
  test("a private team's tickets are seen by its members and by administrators", () => {
    expect(sees(person({ teams: ["legal"] }), "legal", info)).toBe(true);
    expect(sees(person({ role: "admin" }), "legal", info)).toBe(true);
    expect(sees(person({}), "legal", info)).toBe(false);
    expect(sees(person({ role: "supervisor", teams: ["support"] }), "legal", info)).toBe(false);
    expect(sees(person({ teams: ["legal"] }), "support", info)).toBe(true);
    expect(sees(person({ active: false }), null, info)).toBe(false);
  });

  test("they are held by whoever is of the team, and of no team is of every open one", () => {
    expect(isAssignable(person({ teams: ["legal"] }), "legal", info)).toBe(true);
    expect(isAssignable(person({}), "legal", info)).toBe(false);
    expect(isAssignable(person({ role: "admin" }), "legal", info)).toBe(true);
    expect(isAssignable(person({}), "support", info)).toBe(true);
    expect(isAssignable(person({ teams: ["legal"] }), "support", info)).toBe(false);
    expect(isAssignable(person({ active: false }), null, info)).toBe(false);
  });
});
