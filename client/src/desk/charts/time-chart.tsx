import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { colourOf, useScheme } from "./use-scheme";

export type Tone = "accent" | "good" | "warn" | "danger" | "ink-3" | "status-new" | "status-pending";

export interface ChartLine {
  name: string;
  tone: Tone;
  values: readonly (number | null)[];
  /** `area` is a line with its ground; `bars` stand; `band` has no line and lies between `values` and `upto`. */
  kind?: "line" | "area" | "bars" | "band";
  /** A second sign beside the colour. */
  dashed?: boolean;
  upto?: readonly (number | null)[];
}

const FONT_PX = 11;
/** Where a duration's axis may have its lines: seconds, minutes, hours and days that people count in. */
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const DURATION_STEPS = [
  ...[1, 5, 10, 30].map((count) => count * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((count) => count * MINUTE),
  ...[1, 2, 3, 6, 12].map((count) => count * HOUR),
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500].map((count) => count * DAY),
];

/** Figures over time. It is a picture: `ChartCard` tells the same in a table. */
export function TimeChart({
  at,
  lines,
  xText,
  yText,
  durations,
  onHover,
}: {
  /** Milliseconds. */
  at: readonly number[];
  lines: readonly ChartLine[];
  xText: (at: number) => string;
  yText: (value: number) => string;
  /** The values are milliseconds that something took. */
  durations: boolean;
  /** The index under the pointer. */
  onHover: (index: number | null) => void;
}) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const scheme = useScheme();
  const latest = useRef({ at, lines, xText, yText, onHover });
  latest.current = { at, lines, xText, yText, onHover };
  const shape = lines.map((line) => `${line.tone}${line.kind}${line.dashed}`).join();

  // biome-ignore lint/correctness/useExhaustiveDependencies: other colours or other lines mean another chart
  useEffect(() => {
    const host = box.current;
    if (host === null) return;
    const size = () => ({ width: Math.max(host.clientWidth, 50), height: Math.max(host.clientHeight, 50) });
    const scale = Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
    const font = `${FONT_PX * scale}px "Inter Variable", sans-serif`;
    const ink = colourOf(host, "ink-3");
    const grid = colourOf(host, "line");
    const series: uPlot.Series[] = [{}];
    const bands: uPlot.Band[] = [];
    for (const line of latest.current.lines) {
      const stroke = colourOf(host, line.tone);
      const faint = (part: number) => stroke.replace(/\)$/, ` / ${part})`);
      if (line.kind === "band") {
        bands.push({ series: [series.length + 1, series.length], fill: faint(0.16) });
        series.push(
          { stroke: faint(0.35), width: 1, dash: [3, 3], points: { show: false } },
          { stroke: faint(0.35), width: 1, dash: [3, 3], points: { show: false } },
        );
      } else if (line.kind === "bars") {
        series.push({
          stroke,
          fill: line.dashed ? faint(0.25) : faint(0.85),
          width: line.dashed ? 1.5 : 0,
          ...(line.dashed ? { dash: [3, 2] } : {}),
          points: { show: false },
          paths: uPlot.paths.bars?.({ size: [0.64, 28 * scale], radius: 0.2 }) as uPlot.Series.PathBuilder,
        });
      } else {
        series.push({
          stroke,
          width: 2,
          ...(line.dashed ? { dash: [6, 4] } : {}),
          ...(line.kind === "area" ? { fill: faint(0.1) } : {}),
          points: { show: false },
        });
      }
    }
    const made = new uPlot(
      {
        ...size(),
        legend: { show: false },
        padding: [8, 18, 0, 0],
        cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
        scales: {
          x: {
            range: (self, from, to) => {
              // Bars stand around their moment: the first and the last need room for their other half.
              const bars = latest.current.lines.some((line) => line.kind === "bars");
              const steps = (self.data[0]?.length ?? 0) - 1;
              const half = steps > 0 ? (to - from) / steps / 2 : 1_800;
              return bars ? [from - half, to + half] : [from, to];
            },
          },
          y: { range: (_, __, top) => [0, top > 0 ? top * 1.12 : 1] },
        },
        axes: [
          {
            stroke: ink,
            font,
            size: 26 * scale,
            space: 84 * scale,
            gap: 6,
            grid: { show: false },
            ticks: { show: false },
            values: (_, splits) => splits.map((second) => latest.current.xText(second * 1_000)),
          },
          {
            stroke: ink,
            font,
            gap: 6,
            grid: { stroke: grid, width: 1 },
            ticks: { show: false },
            space: 34 * scale,
            ...(durations ? { incrs: DURATION_STEPS } : {}),
            size: (self, values) => {
              const widest = Math.max(0, ...(values ?? []).map((text) => String(text).length));
              return Math.max(24, widest * 6.4 + 12) * scale + (self.axes[1]?.gap ?? 0);
            },
            values: (_, splits) => splits.map((value) => latest.current.yText(value)),
          },
        ],
        bands,
        series,
        hooks: {
          setCursor: [(self) => latest.current.onHover(self.cursor.idx ?? null)],
        },
      },
      dataOf(latest.current),
      host,
    );
    chart.current = made;
    const observer = new ResizeObserver(() => made.setSize(size()));
    observer.observe(host);
    return () => {
      observer.disconnect();
      made.destroy();
      chart.current = null;
    };
  }, [scheme, shape]);

  useEffect(() => chart.current?.setData(dataOf({ at, lines })), [at, lines]);
  return <div ref={box} aria-hidden="true" className="absolute inset-0 overflow-hidden" />;
}

function dataOf({ at, lines }: { at: readonly number[]; lines: readonly ChartLine[] }): uPlot.AlignedData {
  const columns = lines.flatMap((line) => (line.upto ? [line.values, line.upto] : [line.values]));
  return [at.map((ms) => ms / 1_000), ...columns.map((values) => [...values])] as uPlot.AlignedData;
}
