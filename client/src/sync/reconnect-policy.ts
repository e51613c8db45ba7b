import type { Clock } from "./clock";

export interface Close {
  code: number;
  reason: string;
}

export type NextStep =
  | { kind: "stop"; why: "signed-out" | "forbidden" | "superseded" }
  | { kind: "retry"; delayMs: number };

const BASE_MS = 400;
const CAP_MS = 30_000;
const DEFAULT_DELAY_MS = 1_000;

/**
 * What a close code asks for. 4000–4099: do not come back as you are. 4200–4299: come back after the delay that the
 * server gave. Everything else, 4100–4199 and lost networks included: back off with full jitter, so that thousands of
 * browsers do not come back in the same moment.
 */
export function nextStep(close: Close, attempt: number, clock: Pick<Clock, "random">): NextStep {
  if (close.code === 4001) return { kind: "stop", why: "signed-out" };
  if (close.code === 4003) return { kind: "stop", why: "forbidden" };
  if (close.code >= 4000 && close.code <= 4099) return { kind: "stop", why: "superseded" };
  if (close.code >= 4200 && close.code <= 4299) return { kind: "retry", delayMs: delayIn(close.reason) };
  return { kind: "retry", delayMs: fullJitter(attempt, clock) };
}

/** https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter: uniform in [0, min(cap, base·2^n)). */
export function fullJitter(attempt: number, clock: Pick<Clock, "random">): number {
  return Math.floor(clock.random() * Math.min(CAP_MS, BASE_MS * 2 ** Math.min(attempt, 16)));
}

/** The delay stands in the close reason as milliseconds, alone or as `…after_ms…: N`. */
function delayIn(reason: string): number {
  const digits = /\d+/.exec(reason);
  return digits ? Math.min(Number(digits[0]), CAP_MS) : DEFAULT_DELAY_MS;
}
