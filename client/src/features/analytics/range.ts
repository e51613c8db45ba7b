import { figureWords as words } from "@/app/strings/figures";
import { dateAndTime, dayOfYear, timeOfDay } from "@/desk/format-time";

export const RANGES = ["24h", "7d", "30d", "90d", "12mo"] as const;
export type Range = (typeof RANGES)[number];

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** How each time is cut, and where it begins: a step earlier, whose first and unfinished part is not shown. */
const CUTS: Record<Range, { step: string; steps: number; length: number }> = {
  "24h": { step: "1h", steps: 24, length: HOUR },
  "7d": { step: "1d", steps: 7, length: DAY },
  "30d": { step: "1d", steps: 30, length: DAY },
  "90d": { step: "1d", steps: 90, length: DAY },
  "12mo": { step: "1w", steps: 52, length: 7 * DAY },
};

export function isRange(text: string): text is Range {
  return RANGES.some((range) => range === text);
}

export function rangeName(range: Range): string {
  return words.ranges[range];
}

export function cutOf(range: Range, now: number): { from: string; step: string } {
  const { step, steps, length } = CUTS[range];
  return { from: new Date(now - steps * length).toISOString(), step };
}

export function xTextOf(range: Range): (at: number) => string {
  return (at) => {
    const iso = new Date(at).toISOString();
    return range === "24h" ? timeOfDay(iso) : dayOfYear(iso);
  };
}

export function xLabelOf(range: Range): (at: number) => string {
  const short = xTextOf(range);
  return range === "24h" ? (at) => dateAndTime(new Date(at).toISOString(), Date.now()) : short;
}
