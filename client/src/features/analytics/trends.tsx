import { TrendingUp } from "lucide-react";
import { useMemo } from "react";
import { figureWords as words } from "@/app/strings/figures";
import { Card, ChartCard } from "@/desk/charts/chart-card";
import { nameOf } from "@/desk/charts/dimension-name";
import { about, share } from "@/desk/charts/figure-text";
import { useDesk } from "@/desk/desk-context";
import { dateAndTime, dayOfYear, number, span, timeOfDay } from "@/desk/format-time";
import type { ForecastPoint, Trends as Found } from "@/protocol/types";
import { Missing } from "./state-of";
import { rounded, useTrends } from "./use-trends";

/** Beyond these a figure says no more than words do. */
const MOST_TIMES = 20;
const HARDLY = 1e-6;

/** What is unusual, what has changed, and what is to come. */
export function Trends() {
  const asked = useTrends();
  const found = asked.data;
  if (found === undefined) return <Missing error={asked.error} retry={() => void asked.refetch()} />;
  return (
    <>
      <div className="grid gap-4 lg:grid-cols-2">
        <Unusual found={found} />
        <Changes found={found} />
      </div>
      <div className="grid gap-4 lg:grid-cols-2">
        <Forecast title={words.trends.backlog} points={found.backlog} metric="backlog" />
        <Forecast title={words.trends.arrivals} points={found.arrivals} metric="created" summed />
        <Forecast title={words.trends.breaches} points={found.breaches} metric="sla_breached" summed />
        <People found={found} />
      </div>
    </>
  );
}

const NOTES = {
  little_history: () => words.trends.little,
  no_arrivals: () => words.trends.noArrivals,
  no_handling: () => words.trends.noHandling,
};

function Unusual({ found }: { found: Found }) {
  const desk = useDesk();
  const known = !found.notes.includes("little_history");
  return (
    <Card title={words.trends.unusual}>
      {found.anomalies.length === 0 ? (
        <div className="py-3 text-sm">
          <p className="font-medium">{known ? words.trends.calm : NOTES.little_history()}</p>
          {known ? <p className="text-ink-3">{words.trends.calmHint}</p> : null}
        </div>
      ) : (
        <ul className="flex flex-col gap-2">
          {found.anomalies.map((one) => (
            <li
              key={`${one.dimension}/${one.value}`}
              className="flex items-start gap-3 rounded-lg bg-warn-soft px-3 py-2.5 text-sm"
            >
              <TrendingUp className="mt-0.5 size-4 shrink-0 text-warn" aria-hidden="true" />
              <div className="min-w-0 flex-1">
                <p>
                  <span className="font-medium">
                    {one.value === null ? words.trends.everything : nameOf(desk, one.dimension, one.value)}
                  </span>
                  <span className="text-ink-2">
                    {" · "}
                    {one.times_usual > MOST_TIMES
                      ? words.trends.farMore(timeOfDay(one.since))
                      : words.trends.burst(about(one.times_usual), timeOfDay(one.since))}
                  </span>
                </p>
                <p className="text-ink-3 text-xs tabular-nums">
                  {words.trends.burstDetail(number(one.count), about(one.expected))}
                  {" · "}
                  {one.p < HARDLY ? words.trends.never : words.trends.chance(number(Math.round(1 / one.p)))}
                </p>
              </div>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

function Changes({ found }: { found: Found }) {
  const desk = useDesk();
  return (
    <Card title={words.trends.changes} hint={words.trends.changesHint}>
      {found.changes.length === 0 ? (
        <p className="py-3 text-ink-3 text-sm">{words.trends.noChanges}</p>
      ) : (
        <table className="w-full text-sm">
          <caption className="sr-only">{words.trends.changes}</caption>
          <tbody>
            {found.changes.slice(0, 8).map((one) => (
              <tr key={`${one.dimension}/${one.value}`} className="border-t first:border-t-0">
                <th scope="row" className="py-2 pr-3 text-left font-medium">
                  {one.value === null ? words.trends.everything : nameOf(desk, one.dimension, one.value)}
                </th>
                <td className="whitespace-nowrap py-2 pr-3 text-ink-2 tabular-nums">
                  {words.trends.fromTo(about(one.before), about(one.after))}
                </td>
                <td className="whitespace-nowrap py-2 text-right text-ink-3 text-xs">{dayOfYear(one.at)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );
}

const hour = (at: number) => timeOfDay(new Date(at).toISOString());
const moment = (at: number) => dateAndTime(new Date(at).toISOString(), Date.now());

function Forecast({
  title,
  points,
  metric,
  summed = false,
}: {
  title: string;
  points: ForecastPoint[];
  metric: string;
  /** Whether the hours' figures add up to something. */
  summed?: boolean;
}) {
  const at = useMemo(() => points.map((point) => Date.parse(point.at)), [points]);
  const lines = useMemo(
    () => [
      {
        name: `${words.low} – ${words.high}`,
        tone: "accent" as const,
        kind: "band" as const,
        values: points.map((point) => point.low),
        upto: points.map((point) => point.high),
      },
      {
        name: words.trends.forecast,
        tone: "accent" as const,
        values: points.map((point) => Math.round(point.value * 10) / 10),
      },
    ],
    [points],
  );
  const sum = points.reduce((sum, point) => sum + point.value, 0);
  return (
    <ChartCard
      title={title}
      metric={metric}
      hint={summed ? `${words.trends.inAll(rounded(sum))} ${words.trends.interval}` : words.trends.interval}
      at={at}
      lines={lines}
      unit="level"
      xText={hour}
      xLabel={moment}
      empty={words.nothing}
    />
  );
}

function People({ found }: { found: Found }) {
  const { staffing } = found;
  const at = useMemo(() => staffing.hours.map((one) => Date.parse(one.at)), [staffing]);
  const lines = useMemo(
    () => [
      {
        name: words.trends.people,
        tone: "accent" as const,
        kind: "bars" as const,
        values: staffing.hours.map((one) => one.agents),
      },
      {
        name: words.trends.perHour,
        tone: "warn" as const,
        dashed: true,
        values: staffing.hours.map((one) => Math.round(one.arrivals * 10) / 10),
      },
    ],
    [staffing],
  );
  if (staffing.handling_ms === null)
    return (
      <Card title={words.trends.staffing}>
        <p className="py-3 text-ink-3 text-sm">{NOTES.no_handling()}</p>
      </Card>
    );
  const hint = words.trends.staffingHint(
    share(staffing.target_share),
    span(staffing.target_ms),
    span(staffing.handling_ms),
  );
  const kind =
    staffing.patience_ms === null ? words.trends.erlangC : words.trends.erlangA(span(staffing.patience_ms));
  return (
    <ChartCard
      title={words.trends.staffing}
      hint={`${hint} ${kind}`}
      at={at}
      lines={lines}
      unit="level"
      xText={hour}
      xLabel={moment}
      empty={words.trends.noArrivals}
    />
  );
}
