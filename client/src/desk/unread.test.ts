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

test("C47: marks are the same in all tabs of a browser, also in one that slept", () => {
  const browser = new Map<string, string>();
  const deaf = { ...memoryStorage(browser), elsewhere: () => () => {} };
  const [one, other, asleep] = [memoryStorage(browser), memoryStorage(browser), deaf].map(
    (storage) => new Unread(storage, "ada", NOON),
  ) as [Unread, Unread, Unread];
  const fresh = [1, 2, 3].map((id) => said(id, "2026-01-05T13:00:00.000Z"));
  let turns = 0;
  other.turn.subscribe(() => {
    turns += 1;
  });
  one.saw(1, "2026-01-05T13:00:00.000Z");
  expect([turns, fresh.map((ticket) => other.has(ticket))]).toEqual([1, [false, true, true]]);
  other.saw(2, "2026-01-05T13:00:00.000Z");
  asleep.saw(3, "2026-01-05T13:00:00.000Z");
  expect(fresh.map((ticket) => one.has(ticket))).toEqual([false, false, false]);
});
