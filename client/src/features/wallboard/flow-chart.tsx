import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { colourOf, useScheme } from "@/desk/charts/use-scheme";
import { timeOfDay } from "@/desk/format-time";

/** Two lines over the last hour. Their numbers stand beside the chart in words, so it is a picture of what is told. */
export function FlowChart({
  series,
  names,
}: {
  series: [number[], number[], number[]];
  names: [string, string];
}) {
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
    const line = (token: string, label: string) => ({
      label,
      stroke: colour(token),
      width: Math.max(2, unit / 6),
      points: { show: false },
      paths: uPlot.paths.spline?.(),
    });
    const made = new uPlot(
      {
        ...size(),
        legend: { show: false },
        cursor: { show: false },
        scales: { y: { range: (_, __, top) => [0, Math.max(4, Math.ceil(top * 1.15))] } },
        axes: [
          {
            ...axis,
            size: unit * 2,
            space: unit * 6,
            values: (_, splits) => splits.map((second) => timeOfDay(new Date(second * 1_000).toISOString())),
          },
          { ...axis, size: unit * 3, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] },
        ],
        series: [{}, line("accent", names[0]) as uPlot.Series, line("good", names[1]) as uPlot.Series],
      },
      latest.current,
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

  useEffect(() => chart.current?.setData(series), [series]);
  return <div ref={box} aria-hidden="true" className="h-full min-h-0 w-full min-w-0 overflow-hidden" />;
}
