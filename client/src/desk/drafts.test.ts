import { describe, expect, test } from "vitest";
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
    drafts.restore(1, "Refused reply", "public", []);
    expect(drafts.get(1).body).toBe("Refused reply\n\nAlso:");
  });
});
