import { expect, test } from "vitest";
import { memoryStorage } from "@/sync/storage";
import { ticket } from "@/sync/testing/tickets";
import { Unread } from "./unread";

const NOON = Date.parse("2026-01-05T12:00:00.000Z");
const said = (id: number, at: string) => ticket({ id, last_message_at: at });

test("C47: what was said since one looked is unread, over reloads; what was there before the first visit is not", () => {
  const storage = memoryStorage();
  const unread = new Unread(storage, "ada", NOON);
  expect(unread.has(said(1, "2026-01-05T11:00:00.000Z"))).toBe(false);
  const fresh = said(1, "2026-01-05T13:00:00.000Z");
  expect(unread.has(fresh)).toBe(true);
  unread.saw(1, "2026-01-05T13:00:00.000Z");
  const later = new Unread(storage, "ada", NOON + 86_400_000);
  expect(later.has(fresh)).toBe(false);
  expect(later.has(said(2, "2026-01-05T13:00:00.000Z"))).toBe(true);
  later.forget(1);
  expect(later.has(fresh)).toBe(true);
});
