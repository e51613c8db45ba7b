import { expect, test } from "vitest";
import { snoozeEnd } from "./snooze";

test("C17: a snooze ends in some hours, tomorrow or on Monday in the morning", () => {
  const friday = new Date(2026, 10, 20, 16, 30);
  expect(snoozeEnd("hours", friday)).toEqual(new Date(2026, 10, 20, 19, 30));
  expect(snoozeEnd("tomorrow", friday)).toEqual(new Date(2026, 10, 21, 9));
  expect(snoozeEnd("monday", friday)).toEqual(new Date(2026, 10, 23, 9));
  expect(snoozeEnd("monday", new Date(2026, 10, 22, 23))).toEqual(new Date(2026, 10, 23, 9));
  expect(snoozeEnd("monday", new Date(2026, 10, 23, 8))).toEqual(new Date(2026, 10, 30, 9));
});
