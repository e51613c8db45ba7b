import { describe, expect, test } from "vitest";
import { fullJitter, nextStep } from "./reconnect-policy";

const certain = (value: number) => ({ random: () => value });
const close = (code: number, reason = "") => ({ code, reason });

describe("C1: what a close code asks for", () => {
  test.each([
    [4001, "signed-out"],
    [4003, "forbidden"],
    [4008, "superseded"],
    [4009, "superseded"],
    [4099, "superseded"],
  ])("%i stops: %s", (code, why) => {
    expect(nextStep(close(code), 0, certain(0.5))).toEqual({ kind: "stop", why });
  });

  test.each([1001, 1006, 1008, 1011, 4108, 4129, 4199])("%i backs off with full jitter", (code) => {
    expect(nextStep(close(code), 3, certain(0.5))).toEqual({ kind: "retry", delayMs: 1_600 });
    expect(nextStep(close(code), 3, certain(0))).toEqual({ kind: "retry", delayMs: 0 });
  });

  test.each([
    ["3000", 3_000],
    ["after_ms: 250", 250],
    ["too slow", 1_000],
    ["9999999", 30_000],
  ])("4201 with %j comes back after %i ms", (reason, delayMs) => {
    expect(nextStep(close(4201, reason), 7, certain(0.9))).toEqual({ kind: "retry", delayMs });
  });

  test("the back-off doubles up to half a minute", () => {
    const most = [0, 1, 2, 3, 4, 5, 6, 7, 50].map((attempt) => fullJitter(attempt, certain(0.999_999)));
    expect(most).toEqual([399, 799, 1_599, 3_199, 6_399, 12_799, 25_599, 29_999, 29_999]);
  });
});
