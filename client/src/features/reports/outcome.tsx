import { useMemo, useRef } from "react";
import { metricWords, figureWords as words } from "@/app/strings/figures";
import { BarList } from "@/desk/charts/bar-list";
import { Card, ChartCard } from "@/desk/charts/chart-card";
import { nameOf } from "@/desk/charts/dimension-name";
import { figure } from "@/desk/charts/figure-text";
import type { ChartLine, Tone } from "@/desk/charts/time-chart";
import { useDesk } from "@/desk/desk-context";
import { dateAndTime, dayOfYear, number, timeOfDay } from "@/desk/format-time";
import type { ReportCell, ReportResult, ReportRow } from "@/protocol/types";
import { drawn, keyOf } from "./definition";

/** More lines than this are a tangle. */
const LINES = 5;
const BARS = 12;
/** Rows that are drawn at once; the whole of it is in the CSV. */
const ROWS = 500;
const TONES: Tone[] = ["accent", "good", "warn", "status-pending", "status-new"];

/** What a report found: a picture, and every row, each a way to its tickets. */
export function Outcome({
  result,
  onLook,
}: {
  result: ReportResult;
  onLook: (cell: ReportCell, title: string) => void;
}) {
  const desk = useDesk();
  const [name] = metricWords(result.metric.id);
  const unit = result.metric.unit;
  const label = (row: Pick<ReportRow, "keys">) =>
    row.keys.map((key, index) => nameOf(desk, result.split[index] ?? "", key)).join(" · ");
  const year = Date.parse(result.to) - Date.parse(result.from) > 300 * 86_400_000;
  const hourly = /^(hour|\d+[mh])$/.test(result.grain ?? "");
  const when = (at: string) =>
    hourly ? dateAndTime(at, Date.now()) : year ? new Date(at).toLocaleDateString() : dayOfYear(at);
  const timed = unit === "duration";
  // Over time in its order; otherwise the most first.
  const rows = useMemo(
    () =>
      result.grain === null ? [...result.rows].sort((a, b) => (b.value ?? 0) - (a.value ?? 0)) : result.rows,
    [result],
  );
  return (
    <section aria-label={name} className="flex flex-col gap-4">
      <p role="status" className="sr-only">
        {words.report.rows(number(result.rows.length))}
      </p>
      {result.grain !== null && result.rows.length > 0 ? (
        <Lines result={result} name={name} label={label} hourly={hourly} />
      ) : result.split.length > 0 && result.rows.length > 0 ? (
        <Card title={name} metric={result.metric.id}>
          <BarList
            label={name}
            rows={rows.slice(0, BARS).map((row) => ({
              key: keyOf(row),
              name: label(row),
              value: row.value ?? 0,
              text: figure(row.value, unit),
            }))}
          />
        </Card>
      ) : null}
      <Card
        title={words.report.rows(number(result.rows.length))}
        hint={`${words.total}: ${figure(result.total.value, unit)}`}
      >
        {result.rows.length === 0 && result.total.count === 0 ? (
          <p className="py-6 text-center text-ink-3 text-sm">
            {words.nothing}. {words.nothingHint}
          </p>
        ) : (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
          <div tabIndex={0} className="scroll-thin max-h-[32rem] overflow-auto">
            <table className="w-full text-sm tabular-nums">
              <caption className="sr-only">{words.dataOf(name)}</caption>
              <thead className="sticky top-0 bg-surface text-ink-3 text-xs">
                <tr>
                  {result.grain === null ? null : (
                    <th scope="col" className="px-2 py-1.5 text-left font-medium">
                      {words.time}
                    </th>
                  )}
                  {result.split.map((split) => (
                    <th key={split} scope="col" className="px-2 py-1.5 text-left font-medium">
                      {words.report.dimensions[split as keyof typeof words.report.dimensions] ?? split}
                    </th>
                  ))}
                  <th scope="col" className="px-2 py-1.5 text-right font-medium">
                    {timed ? words.median : name}
                  </th>
                  {timed ? (
                    <>
                      <th scope="col" className="px-2 py-1.5 text-right font-medium">
                        {words.mean}
                      </th>
                      <th scope="col" className="px-2 py-1.5 text-right font-medium">
                        {words.p90}
                      </th>
                    </>
                  ) : null}
                  {unit === "count" || unit === "level" ? null : (
                    <th scope="col" className="px-2 py-1.5 text-right font-medium">
                      {words.report.count}
                    </th>
                  )}
                </tr>
              </thead>
              <tbody>
                {rows.slice(0, ROWS).map((row) => {
                  const title = [row.at === undefined ? null : when(row.at), label(row)]
                    .filter((part) => part !== null && part !== "")
                    .join(" · ");
                  const cell: ReportCell = {
                    ...(row.at === undefined ? {} : { at: row.at }),
                    ...(row.keys.length > 0 ? { keys: row.keys } : {}),
                  };
                  return (
                    <tr key={`${row.at}/${keyOf(row)}`} className="border-t hover:bg-hover">
                      {row.at === undefined ? null : (
                        <td className="whitespace-nowrap px-2 py-1.5 text-ink-2">{when(row.at)}</td>
                      )}
                      {row.keys.map((key, index) => (
                        // biome-ignore lint/suspicious/noArrayIndexKey: a row has one key for each split
                        <td key={index} className="px-2 py-1.5">
                          {nameOf(desk, result.split[index] ?? "", key)}
                        </td>
                      ))}
                      <td className="px-2 py-1.5 text-right">
                        <button
                          type="button"
                          aria-label={`${figure(row.value, unit)}, ${words.report.look(title)}`}
                          onClick={() => onLook(cell, title)}
                          className="rounded px-1 font-medium text-accent hover:underline"
                        >
                          {figure(row.value, unit)}
                        </button>
                      </td>
                      {timed ? (
                        <>
                          <td className="px-2 py-1.5 text-right text-ink-2">
                            {figure(row.spread?.mean_ms, "duration")}
                          </td>
                          <td className="px-2 py-1.5 text-right text-ink-2">
                            {figure(row.spread?.p90_ms, "duration")}
                          </td>
                        </>
                      ) : null}
                      {unit === "count" || unit === "level" ? null : (
                        <td className="px-2 py-1.5 text-right text-ink-2">{number(row.count)}</td>
                      )}
                    </tr>
                  );
                })}
                <tr className="border-t font-medium">
                  <th
                    scope="row"
                    colSpan={Math.max(1, result.split.length + (result.grain === null ? 0 : 1))}
                    className="px-2 py-1.5 text-left font-medium"
                  >
                    {words.total}
                  </th>
                  <td className="px-2 py-1.5 text-right">
                    <button
                      type="button"
                      aria-label={`${figure(result.total.value, unit)}, ${words.report.look(words.total)}`}
                      onClick={() => onLook({}, words.total)}
                      className="rounded px-1 text-accent hover:underline"
                    >
                      {figure(result.total.value, unit)}
                    </button>
                  </td>
                  {timed ? (
                    <>
                      <td className="px-2 py-1.5 text-right">
                        {figure(result.total.spread?.mean_ms, "duration")}
                      </td>
                      <td className="px-2 py-1.5 text-right">
                        {figure(result.total.spread?.p90_ms, "duration")}
                      </td>
                    </>
                  ) : null}
                  {unit === "count" || unit === "level" ? null : (
                    <td className="px-2 py-1.5 text-right">{number(result.total.count)}</td>
                  )}
                </tr>
              </tbody>
            </table>
          </div>
        )}
      </Card>
    </section>
  );
}

function Lines({
  result,
  name,
  label,
  hourly,
}: {
  result: ReportResult;
  name: string;
  label: (row: { keys: string[] }) => string;
  hourly: boolean;
}) {
  const labelOf = useRef(label);
  labelOf.current = label;
  const { at, lines } = useMemo(() => {
    const found = drawn(result);
    const told = found.lines.slice(0, LINES).map<ChartLine>((line, index) => ({
      name: line.keys.length === 0 ? name : labelOf.current(line),
      tone: TONES[index % TONES.length] ?? "accent",
      dashed: index % 2 === 1,
      ...(found.lines.length === 1 ? { kind: "bars" as const } : {}),
      values: line.values,
    }));
    return { at: found.at, lines: told };
  }, [result, name]);
  const text = (time: number) => {
    const iso = new Date(time).toISOString();
    return hourly ? timeOfDay(iso) : dayOfYear(iso);
  };
  return (
    <ChartCard
      title={name}
      metric={result.metric.id}
      at={at}
      lines={lines}
      unit={result.metric.unit}
      xText={text}
      xLabel={(time) => (hourly ? dateAndTime(new Date(time).toISOString(), Date.now()) : text(time))}
      empty={words.nothing}
    />
  );
}
