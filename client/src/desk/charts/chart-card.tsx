import clsx from "clsx";
import { ChartSpline, Table2 } from "lucide-react";
import { lazy, type ReactNode, Suspense, useCallback, useId, useMemo, useState } from "react";
import { figureWords as words } from "@/app/strings/figures";
import { Button } from "@/components/ui/button";
import { Skeleton } from "@/components/ui/skeleton";
import { About } from "./about";
import { figure, type Unit } from "./figure-text";
import type { ChartLine } from "./time-chart";

const TimeChart = lazy(() => import("./time-chart").then((m) => ({ default: m.TimeChart })));

/** A quiet box with a title: what all screens of figures are made of. */
export function Card({
  title,
  metric,
  hint,
  aside,
  className,
  children,
}: {
  title: string;
  /** Whose definition is told where the title is. */
  metric?: string;
  hint?: string | undefined;
  aside?: ReactNode;
  className?: string;
  children: ReactNode;
}) {
  const id = useId();
  return (
    <section
      aria-labelledby={id}
      className={clsx("flex min-w-0 flex-col rounded-xl border bg-surface p-4 md:p-5", className)}
    >
      <header className="mb-3 flex items-start gap-2">
        <div className="min-w-0 flex-1">
          <h3 id={id} className="flex items-center gap-1 font-medium text-base">
            <span className="min-w-0 truncate">{title}</span>
            {metric === undefined ? null : <About metric={metric} />}
          </h3>
          {hint === undefined ? null : <p className="text-ink-3 text-xs">{hint}</p>}
        </div>
        {aside}
      </header>
      {children}
    </section>
  );
}

/** Lines or bars over time, with a table that says the same, one key away. */
export function ChartCard({
  title,
  metric,
  hint,
  at,
  lines,
  unit,
  xText,
  xLabel,
  empty,
  className,
}: {
  title: string;
  metric?: string;
  hint?: string | undefined;
  /** Milliseconds; null while it is on its way. */
  at: readonly number[] | null;
  lines: readonly ChartLine[];
  unit: Unit;
  /** For the axis; a time of the table and of the pointer is told by `xLabel`. */
  xText: (at: number) => string;
  xLabel: (at: number) => string;
  /** In place of the chart when there is nothing to draw. */
  empty?: string | undefined;
  className?: string;
}) {
  const [asTable, setAsTable] = useState(false);
  const [hover, setHover] = useState<number | null>(null);
  const onHover = useCallback((index: number | null) => setHover(index), []);
  const told = (value: number | null | undefined) => figure(value, unit);
  const last = at === null ? -1 : at.length - 1;
  const shown = hover !== null && hover <= last ? hover : null;
  const nothing = useMemo(
    () => lines.every((line) => line.values.every((value) => value === null || value === 0)),
    [lines],
  );
  return (
    <Card
      title={title}
      {...(metric === undefined ? {} : { metric })}
      hint={hint}
      {...(className === undefined ? {} : { className })}
      aside={
        <Button
          variant="ghost"
          size="icon"
          aria-pressed={asTable}
          aria-label={asTable ? words.showChart : words.showTable}
          title={asTable ? words.showChart : words.showTable}
          onClick={() => setAsTable((was) => !was)}
        >
          {asTable ? <ChartSpline className="size-4" /> : <Table2 className="size-4" />}
        </Button>
      }
    >
      {at === null ? (
        <Skeleton className="h-52 w-full" />
      ) : asTable ? (
        <DataTable title={title} at={at} lines={lines} told={told} xLabel={xLabel} />
      ) : nothing && empty !== undefined ? (
        <p className="flex h-52 items-center justify-center text-ink-3 text-sm">{empty}</p>
      ) : (
        <>
          <div className="mb-2 flex flex-wrap items-center gap-x-4 gap-y-1 text-xs">
            {lines.map((line) => (
              <span key={line.name} className="inline-flex items-center gap-1.5">
                <Sign line={line} />
                <span className="text-ink-2">{line.name}</span>
                {shown === null ? null : (
                  <span className="font-medium tabular-nums">
                    {line.upto
                      ? `${told(line.values[shown])} – ${told(line.upto[shown])}`
                      : told(line.values[shown])}
                  </span>
                )}
              </span>
            ))}
            <span className="ml-auto text-ink-3 tabular-nums">
              {shown === null ? "" : xLabel(at[shown] ?? 0)}
            </span>
          </div>
          <div className="relative min-h-52 flex-1 min-[2200px]:min-h-72">
            <Suspense fallback={<Skeleton className="h-full w-full" />}>
              <TimeChart
                at={at}
                lines={lines}
                xText={xText}
                yText={told}
                durations={unit === "duration"}
                onHover={onHover}
              />
            </Suspense>
          </div>
          <p className="sr-only">
            {lines
              .map((line) => `${line.name}: ${told(line.values[last])}`)
              .concat(last < 0 ? [] : [xLabel(at[last] ?? 0)])
              .join(", ")}
          </p>
        </>
      )}
    </Card>
  );
}

const TONES = {
  accent: "text-accent",
  good: "text-good",
  warn: "text-warn",
  danger: "text-danger",
  "ink-3": "text-ink-3",
  "status-new": "text-status-new",
  "status-pending": "text-status-pending",
} as const;

/** The line's own look, small: colour, and what tells it from the others without colour. */
function Sign({ line }: { line: ChartLine }) {
  return (
    <svg viewBox="0 0 18 10" className={clsx("h-2.5 w-4.5", TONES[line.tone])} aria-hidden="true">
      {line.kind === "bars" || line.kind === "band" ? (
        <rect
          x="4"
          y="1"
          width="10"
          height="8"
          rx="2"
          fill="currentColor"
          fillOpacity={line.kind === "band" ? 0.2 : line.dashed ? 0.25 : 0.85}
          stroke="currentColor"
          strokeOpacity={line.kind === "band" || line.dashed ? 1 : 0}
          strokeDasharray="2 1.5"
        />
      ) : (
        <path
          d="M1 5h16"
          stroke="currentColor"
          strokeWidth="2.4"
          strokeDasharray={line.dashed ? "4 2.6" : ""}
        />
      )}
    </svg>
  );
}

function DataTable({
  title,
  at,
  lines,
  told,
  xLabel,
}: {
  title: string;
  at: readonly number[];
  lines: readonly ChartLine[];
  told: (value: number | null | undefined) => string;
  xLabel: (at: number) => string;
}) {
  const columns = lines.flatMap((line) =>
    line.upto
      ? [
          { name: words.low, values: line.values },
          { name: words.high, values: line.upto },
        ]
      : [{ name: line.name, values: line.values }],
  );
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
    <div tabIndex={0} className="scroll-thin max-h-72 overflow-auto rounded-md border">
      <table className="w-full text-sm tabular-nums">
        <caption className="sr-only">{words.dataOf(title)}</caption>
        <thead className="sticky top-0 bg-surface text-ink-3 text-xs">
          <tr>
            <th scope="col" className="px-3 py-1.5 text-left font-medium">
              {words.time}
            </th>
            {columns.map((column) => (
              <th key={column.name} scope="col" className="px-3 py-1.5 text-right font-medium">
                {column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {at.map((time, index) => (
            <tr key={time} className="border-t">
              <th scope="row" className="whitespace-nowrap px-3 py-1 text-left font-normal text-ink-2">
                {xLabel(time)}
              </th>
              {columns.map((column) => (
                <td key={column.name} className="px-3 py-1 text-right">
                  {told(column.values[index])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
