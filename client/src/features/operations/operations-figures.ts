import { figureWords as words } from "@/app/strings/figures";
import { dollars, figure, millis } from "@/desk/charts/figure-text";
import { bytes, span } from "@/desk/format-time";
import type { OperationsFigure } from "@/protocol/types";

/** A measurement in words: its unit is the last word of its name. */
export function text(value: number | null | undefined, name: string): string {
  if (value === null || value === undefined) return words.noTime;
  if (name.includes("_usd")) return dollars(value);
  if (name.endsWith("_seconds")) return value < 1 ? millis(tidy(value * 1_000)) : span(value * 1_000);
  if (name.endsWith("_bytes")) return bytes(value);
  return figure(tidy(value), "count");
}

/** Three digits say enough. */
function tidy(value: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(3));
}

/** Of all with this name the one that is worst off: the slowest, or the largest. */
export function worst(figures: readonly OperationsFigure[], name: string): OperationsFigure | undefined {
  const own = figures.filter((one) => one.name === name);
  const weight = (one: OperationsFigure) => one.p99 ?? one.value ?? -1;
  return own.reduce<OperationsFigure | undefined>(
    (worst, one) => (worst === undefined || weight(one) > weight(worst) ? one : worst),
    undefined,
  );
}
