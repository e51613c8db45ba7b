import { figureWords } from "@/app/strings/figures";
import { strings } from "@/app/strings/strings";
import type { Spread } from "@/protocol/types";
import { number, span } from "../format-time";

export type Unit = "count" | "duration" | "share" | "level";

const percent = new Map<number, Intl.NumberFormat>();

export function share(value: number, digits = 0): string {
  let format = percent.get(digits);
  if (format === undefined) {
    format = new Intl.NumberFormat(strings.locale, { style: "percent", maximumFractionDigits: digits });
    percent.set(digits, format);
  }
  return format.format(value);
}

const rounded = new Intl.NumberFormat(strings.locale, { maximumFractionDigits: 1 });

/** A count that was computed, and may have a part of one. */
export function about(value: number): string {
  return rounded.format(value);
}

export function figure(value: number | null | undefined, unit: Unit): string {
  if (value === null || value === undefined) return figureWords.noTime;
  if (unit === "duration") return span(value);
  if (unit === "share") return share(value);
  return Number.isInteger(value) ? number(value) : about(value);
}

export function median(spread: Spread): string {
  return figure(spread.median_ms, "duration");
}

const milliseconds = new Intl.NumberFormat(strings.locale, {
  style: "unit",
  unit: "millisecond",
  unitDisplay: "short",
});

export function millis(value: number): string {
  return milliseconds.format(value);
}

const money = new Intl.NumberFormat(strings.locale, {
  style: "currency",
  currency: "USD",
  maximumSignificantDigits: 3,
});

export function dollars(value: number): string {
  return money.format(value);
}
