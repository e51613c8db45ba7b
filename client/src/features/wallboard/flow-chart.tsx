import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { colourOf, useScheme } from "@/desk/charts/use-scheme";
import { number, timeOfDay } from "@/desk/format-time";

/** The chart reaches at least so far up and down, so that one ticket does not fill it. */
const LEAST = 3;

type FlowSeries = [times: number[], came: number[], went: number[]];

function mirrored([times, came, went]: FlowSeries): FlowSeries {
  return [times, came, went.map((count) => -count)];
}

/**
 * Minute by minute, what came in above the line and what went out below it: to be told apart by their place, from across the
 * room. Their numbers stand beside the chart in words, so it is a picture of what is told.
 */
export function FlowChart({ series, names }: { series: FlowSeries; names: [string, string] }) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const scheme = useScheme();
  const latest = useRef(series);
  latest.current = series;

  // biome-ignore lint/correctness/useExhaustiveDependencies: another scheme means other colours, and thus another chart
  useEffect(() => {
    const host = box.current;
    if (host === null) return;
    const colour = (token: string) => colourOf(host, token);
    const size = () => ({ width: Math.max(host.clientWidth, 50), height: Math.max(host.clientHeight, 50) });
    const unit = Math.max(11, Math.min(window.innerWidth, window.innerHeight) * 0.019);
    const font = `${unit}px "Inter Variable", sans-serif`;
    const axis = {
      stroke: colour("ink-3"),
      font,
      grid: { stroke: colour("line"), width: 1 },
      ticks: { show: false },
    };
    const bars = (token: string, label: string): uPlot.Series => ({
      label,
      stroke: colour(token),
      fill: colour(token),
      width: 0,
      points: { show: false },
      ...(uPlot.paths.bars === undefined ? {} : { paths: uPlot.paths.bars({ size: [0.7, 100] }) }),
    });
    const made = new uPlot(
      {
        ...size(),
        legend: { show: false },
        cursor: { show: false },
        scales: { y: { range: (_, low, top) => [Math.min(low, -LEAST), Math.max(top, LEAST)] } },
        axes: [
          {
            ...axis,
            size: unit * 2,
            space: unit * 6,
            values: (_, splits) => splits.map((second) => timeOfDay(new Date(second * 1_000).toISOString())),
          },
          {
            ...axis,
            size: unit * 3,
            space: unit * 2.5,
            incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
            values: (_, splits) => splits.map((count) => number(Math.abs(count))),
          },
        ],
        series: [{}, bars("accent", names[0]), bars("good", names[1])],
      },
      mirrored(latest.current),
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
  }, [scheme]);

  useEffect(() => chart.current?.setData(mirrored(series)), [series]);
  return <div ref={box} aria-hidden="true" className="h-full min-h-0 w-full min-w-0 overflow-hidden" />;
}
