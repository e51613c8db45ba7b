import type { ReportDefinition, ReportResult, ReportRow } from "@/protocol/types";

/** What the builder holds: a definition with every choice made, and values as they are typed. */
export interface Sketch {
  measure: string;
  split: [string, string];
  filter: { dimension: string; values: string }[];
  /** A length like `7d`, or empty for a day to a day. */
  last: string;
  from: string;
  to: string;
  grain: string;
  clock: "calendar" | "business";
}

export const LASTS = ["24h", "7d", "30d", "90d", "12mo"] as const;

export const FIRST: Sketch = {
  measure: "created",
  split: ["team", ""],
  filter: [],
  last: "30d",
  from: "",
  to: "",
  grain: "",
  clock: "calendar",
};

/** Days are the reader's own, the last one included. */
export function definitionOf(sketch: Sketch): ReportDefinition {
  const split = sketch.split.filter((name, index) => name !== "" && sketch.split.indexOf(name) === index);
  const filter: Record<string, string[]> = {};
  for (const { dimension, values } of sketch.filter) {
    const named = values
      .split(",")
      .map((value) => value.trim())
      .filter((value) => value !== "");
    if (named.length > 0) filter[dimension] = [...(filter[dimension] ?? []), ...named];
  }
  return {
    measure: sketch.measure,
    ...(split.length > 0 ? { split } : {}),
    ...(Object.keys(filter).length > 0 ? { filter } : {}),
    ...(sketch.last !== "" ? { last: sketch.last } : rangeOf(sketch)),
    ...(sketch.grain !== "" ? { grain: sketch.grain } : {}),
    ...(sketch.clock === "business" ? { clock: "business" as const } : {}),
  };
}

/** What was run, with the range that it was counted over in place of one that moves on with the clock. */
export function counted(definition: ReportDefinition, { from, to }: ReportResult): ReportDefinition {
  const { last: _, ...rest } = definition;
  return { ...rest, from, to };
}

function rangeOf({ from, to }: Sketch): { from?: string; to?: string } {
  const midnight = (day: string, later = 0) => {
    const [year, month, date] = day.split("-").map(Number);
    return new Date(year ?? 0, (month ?? 1) - 1, (date ?? 1) + later).toISOString();
  };
  return {
    ...(from === "" ? {} : { from: midnight(from) }),
    ...(to === "" ? {} : { to: midnight(to, 1) }),
  };
}

export function sketchOf(definition: ReportDefinition): Sketch {
  const day = (iso: string | undefined, earlier = 0) => {
    if (iso === undefined) return "";
    const at = new Date(Date.parse(iso) - earlier);
    const two = (part: number) => String(part).padStart(2, "0");
    return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  };
  return {
    measure: definition.measure,
    split: [definition.split?.[0] ?? "", definition.split?.[1] ?? ""],
    filter: Object.entries(definition.filter ?? {}).map(([dimension, values]) => ({
      dimension,
      values: values.join(", "),
    })),
    last: definition.last ?? "",
    from: day(definition.from),
    to: day(definition.to, 1),
    grain: definition.grain ?? "",
    clock: definition.clock ?? "calendar",
  };
}

export interface Drawn {
  at: number[];
  /** By key, those with the most first. */
  lines: { key: string; keys: string[]; values: (number | null)[]; weight: number }[];
}

/** A result over time as lines, one for each key. A step that nothing was counted for is nothing, or a gap for a time. */
export function drawn(result: ReportResult): Drawn {
  const at = [...new Set(result.rows.map((row) => Date.parse(row.at ?? "")))].sort((a, b) => a - b);
  const place = new Map(at.map((time, index) => [time, index]));
  const counts = result.metric.unit === "count" || result.metric.unit === "level";
  const lines = new Map<string, Drawn["lines"][number]>();
  for (const row of result.rows) {
    const key = keyOf(row);
    let line = lines.get(key);
    if (line === undefined) {
      line = { key, keys: row.keys, values: new Array(at.length).fill(counts ? 0 : null), weight: 0 };
      lines.set(key, line);
    }
    line.values[place.get(Date.parse(row.at ?? "")) ?? 0] = row.value;
    line.weight += row.count;
  }
  return { at, lines: [...lines.values()].sort((a, b) => b.weight - a.weight) };
}

export function keyOf(row: Pick<ReportRow, "keys">): string {
  return row.keys.join("\u0000");
}
