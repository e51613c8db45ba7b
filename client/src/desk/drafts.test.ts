import { describe, expect, test } from "vitest";
import type { Message } from "@/protocol/types";
import { memoryStorage } from "@/sync/storage";
import { Drafts } from "./drafts";

describe("C24: drafts", () => {
  test("belong to their ticket and their writer, and survive a reload", () => {
    const storage = memoryStorage();
    new Drafts(storage, "ada").write(1, { body: "Hello", seenVersion: 4 });
    const again = new Drafts(storage, "ada");
    expect(again.get(1)).toMatchObject({ body: "Hello", seenVersion: 4 });
    expect(again.get(2).body).toBe("");
    expect([...again.tickets.get()]).toEqual([1]);
    expect(new Drafts(storage, "bo").get(1).body).toBe("");
  });

  test("are gone when they are sent, and leave the mode as it was", () => {
    const drafts = new Drafts(memoryStorage(), "ada");
    drafts.write(1, { body: "A note", visibility: "internal" });
    drafts.clear(1);
    expect(drafts.get(1)).toMatchObject({ body: "", visibility: "internal" });
    expect([...drafts.tickets.get()]).toEqual([]);
  });

  test("a refused message comes back above what was begun since", () => {
    const drafts = new Drafts(memoryStorage(), "ada");
    drafts.write(1, { body: "Also:" });
    drafts.restore(1, { body: "Refused reply", visibility: "public" }, []);
    expect(drafts.get(1).body).toBe("Refused reply\n\nAlso:");
  });

  test("C21: a message that came back has seen no more than before, and what was missed is still to be read", () => {
    const drafts = new Drafts(memoryStorage(), "ada");
    const missed = [{ id: "m1", body: "Solved by phone" }] as Message[];
    drafts.restore(1, { body: "First", visibility: "public", last_seen_version: 4 }, missed);
    expect(drafts.get(1)).toMatchObject({ seenVersion: 4, missed });
    drafts.restore(1, { body: "Second", visibility: "public", last_seen_version: 6 }, []);
    expect(drafts.get(1)).toMatchObject({ seenVersion: 4, missed });
    drafts.write(2, { body: "Also:", seenVersion: 9 });
    drafts.restore(2, { body: "Refused reply", visibility: "public", last_seen_version: 7 }, []);
    expect(drafts.get(2).seenVersion).toBe(7);
  });

  test("are one and the same in all tabs of a browser", () => {
    const browser = new Map<string, string>();
    const one = new Drafts(memoryStorage(browser), "ada");
    const other = new Drafts(memoryStorage(browser), "ada");
    expect(other.get(1).body).toBe("");
    let told = 0;
    other.subscribe(1, () => {
      told += 1;
    });
    one.write(1, { body: "Dear Rosa" });
    expect([told, other.get(1).body, [...other.tickets.get()]]).toEqual([1, "Dear Rosa", [1]]);
    other.write(1, { visibility: "internal" });
    expect(one.get(1)).toMatchObject({ body: "Dear Rosa", visibility: "internal" });
    one.clear(1);
    expect([other.get(1).body, [...other.tickets.get()]]).toEqual(["", []]);
  });
});
