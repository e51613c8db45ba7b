import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useDesk } from "@/desk/desk-context";
import type { Series, Spread } from "@/protocol/types";
import { cutOf, type Range } from "./range";

const AGAIN_MS = 60_000;

export interface Choice {
  range: Range;
  team: string | null;
  clock: "calendar" | "business";
}

export interface Line {
  /** Milliseconds. */
  at: number[];
  values: (number | null)[];
  spreads: (Spread | undefined)[];
  count: number;
  sum: number;
}

/** A figure over the chosen time, counted anew every minute. */
export function useSeries(metric: string, choice: Choice, filter: Record<string, string> = {}) {
  const { api } = useDesk();
  const asked = useQuery({
    queryKey: ["series", metric, choice, filter],
    queryFn: () => {
      const { from, step } = cutOf(choice.range, Date.now());
      const query = new URLSearchParams({ metric, from, step, clock: choice.clock, ...filter });
      if (choice.team !== null) query.append("team", choice.team);
      return api.figures.series(query);
    },
    refetchInterval: AGAIN_MS,
    placeholderData: keepPreviousData,
  });
  const line = useMemo(() => (asked.data ? lineOf(asked.data) : null), [asked.data]);
  return { line, error: asked.data === undefined ? asked.error : null, retry: () => void asked.refetch() };
}

/** The first step begins somewhere in the middle of an hour or a day, so it is not comparable. */
export function lineOf(series: Series): Line {
  const points = series.points.length > 1 ? series.points.slice(1) : series.points;
  return {
    at: points.map((point) => Date.parse(point.at)),
    values: points.map((point) => point.value),
    spreads: points.map((point) => point.spread),
    count: points.reduce((sum, point) => sum + point.count, 0),
    sum: points.reduce((sum, point) => sum + (point.value ?? 0), 0),
  };
}
