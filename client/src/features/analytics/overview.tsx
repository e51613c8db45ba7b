import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { figureWords as words } from "@/app/strings/figures";
import { strings } from "@/app/strings/strings";
import { StatusIcon } from "@/components/ui/status-icon";
import { BarList } from "@/desk/charts/bar-list";
import { Card, ChartCard } from "@/desk/charts/chart-card";
import { figure, median, millis } from "@/desk/charts/figure-text";
import { Heatmap } from "@/desk/charts/heatmap";
import { Stat, Stats } from "@/desk/charts/stat";
import { useDesk } from "@/desk/desk-context";
import { number, roughly, timeOfDay } from "@/desk/format-time";
import { useLiveFigures } from "@/desk/use-figures";
import { useNow } from "@/desk/use-now";
import type { LiveFigures, TicketStatus } from "@/protocol/types";
import { xLabelOf, xTextOf } from "./range";
import { Missing } from "./state-of";
import { type Choice, useSeries } from "./use-series";

const MINUTE = 60_000;
const WEEKS_BACK = "8w";

/** How the desk stands now, how this hour went, and how it has gone over the chosen time. */
export function Overview({ choice }: { choice: Choice }) {
  const { figures, error, retry } = useLiveFigures();
  if (figures === null) return <Missing error={error} retry={retry} />;
  return (
    <>
      <Now figures={figures} />
      <div className="grid gap-4 lg:grid-cols-3">
        <Hour figures={figures} />
        <Standing figures={figures} />
      </div>
      <div className="grid gap-4 lg:grid-cols-2">
        <Movement choice={choice} />
        <Responses choice={choice} />
      </div>
      <Week team={choice.team} />
    </>
  );
}

function Now({ figures }: { figures: LiveFigures }) {
  const now = useNow("quarter-minute");
  const { now: standing, today, latency } = figures;
  const kept = today.counts.sla_met + today.counts.sla_breached;
  const oldest = standing.oldest_waiting_since;
  return (
    <Stats count="ten">
      <Stat name={words.now.waiting} value={number(standing.waiting)} hint={words.now.waitingHint}>
        {oldest === null
          ? words.now.nobodyWaits
          : words.now.oldest(roughly(Math.max(0, now - Date.parse(oldest))))}
      </Stat>
      <Stat name={words.now.unsolved} value={number(standing.unsolved)} hint={words.now.unsolvedHint}>
        {words.now.unassigned(number(standing.unassigned))}
      </Stat>
      <Stat
        name={words.now.atRisk}
        value={number(standing.at_risk)}
        hint={words.now.atRiskHint}
        tone={standing.at_risk > 0 ? "warn" : undefined}
      >
        {words.now.breached(number(standing.breached))}
      </Stat>
      <Stat name={words.overview.came} value={number(today.counts.created)} metric="created">
        {words.now.today}
      </Stat>
      <Stat name={words.overview.went} value={number(today.counts.solved)} metric="solved">
        {words.now.today}
      </Stat>
      <Stat
        name={words.group.firstResponse}
        value={median(today.first_response.calendar)}
        metric="first_response_time"
      >
        {`${words.p90} ${figure(today.first_response.calendar.p90_ms, "duration")}`}
      </Stat>
      <Stat name={words.group.resolution} value={median(today.resolution.calendar)} metric="resolution_time">
        {`${words.p90} ${figure(today.resolution.calendar.p90_ms, "duration")}`}
      </Stat>
      <Stat
        name={words.sla.kept}
        value={figure(kept === 0 ? null : today.counts.sla_met / kept, "share")}
        metric="sla_met_share"
      >
        {words.of(number(today.counts.sla_met), number(kept))}
      </Stat>
      <Stat name={words.now.online} value={number(standing.online)} hint={words.now.onlineHint}>
        {words.now.onTicket(number(standing.on_ticket))}
      </Stat>
      <Stat
        name={words.now.latency}
        value={latency.median_ms === null ? words.noTime : millis(latency.median_ms)}
        hint={words.now.latencyHint}
      >
        {latency.p99_ms === null ? "" : words.now.latencySlow(millis(latency.p99_ms))}
      </Stat>
    </Stats>
  );
}

function Hour({ figures }: { figures: LiveFigures }) {
  const { minutes } = figures;
  const at = useMemo(() => {
    const since = Date.parse(minutes.since);
    return minutes.created.map((_, index) => since + index * MINUTE);
  }, [minutes]);
  const lines = useMemo(
    () => [
      {
        name: words.overview.came,
        tone: "accent" as const,
        kind: "area" as const,
        values: minutes.created,
      },
      { name: words.overview.went, tone: "good" as const, dashed: true, values: minutes.solved },
    ],
    [minutes],
  );
  const text = (time: number) => timeOfDay(new Date(time).toISOString());
  return (
    <ChartCard
      title={words.overview.flow}
      hint={words.overview.flowHint}
      at={at}
      lines={lines}
      unit="count"
      xText={text}
      xLabel={text}
      className="lg:col-span-2"
    />
  );
}

const STATES: TicketStatus[] = ["new", "open", "pending", "on_hold"];

function Standing({ figures }: { figures: LiveFigures }) {
  const { by_status, by_age } = figures.backlog;
  return (
    <Card title={words.overview.backlog} metric="backlog">
      <h4 className="mb-1 text-ink-3 text-xs">{words.overview.byStatus}</h4>
      <BarList
        label={words.overview.byStatus}
        rows={STATES.map((status) => ({
          key: status,
          name: (
            <span className="inline-flex items-center gap-2">
              <StatusIcon status={status} />
              {strings.status[status]}
            </span>
          ),
          value: by_status[status] ?? 0,
          text: number(by_status[status] ?? 0),
        }))}
      />
      <h4 className="mt-3 mb-1 text-ink-3 text-xs">{words.overview.byAge}</h4>
      <BarList
        label={words.overview.byAge}
        rows={by_age.map((part, index) => ({
          key: String(part.below_ms),
          name:
            part.below_ms === null
              ? words.overview.older(roughly(by_age[index - 1]?.below_ms ?? 0))
              : index === 0
                ? words.overview.younger(roughly(part.below_ms))
                : words.overview.between(roughly(by_age[index - 1]?.below_ms ?? 0), roughly(part.below_ms)),
          value: part.count,
          text: number(part.count),
          tone: index >= by_age.length - 2 ? ("warn" as const) : ("quiet" as const),
        }))}
      />
    </Card>
  );
}

function Movement({ choice }: { choice: Choice }) {
  const created = useSeries("created", choice);
  const solved = useSeries("solved", choice);
  const backlog = useSeries("backlog", choice);
  const at = created.line && solved.line && backlog.line ? created.line.at : null;
  const lines = useMemo(
    () => [
      {
        name: words.overview.came,
        tone: "accent" as const,
        kind: "bars" as const,
        values: created.line?.values ?? [],
      },
      { name: words.overview.went, tone: "good" as const, values: solved.line?.values ?? [] },
      {
        name: words.overview.backlog,
        tone: "ink-3" as const,
        dashed: true,
        values: backlog.line?.values ?? [],
      },
    ],
    [created.line, solved.line, backlog.line],
  );
  const failed = created.error ?? solved.error ?? backlog.error;
  if (failed !== null)
    return (
      <Card title={words.overview.movement}>
        <Missing
          error={failed}
          retry={() => {
            for (const one of [created, solved, backlog]) one.retry();
          }}
        />
      </Card>
    );
  return (
    <ChartCard
      title={words.overview.movement}
      at={at}
      lines={lines}
      unit="count"
      xText={xTextOf(choice.range)}
      xLabel={xLabelOf(choice.range)}
      empty={words.nothing}
    />
  );
}

function Responses({ choice }: { choice: Choice }) {
  const { line, error, retry } = useSeries("first_response_time", choice);
  const lines = useMemo(
    () => [
      { name: words.median, tone: "accent" as const, values: line?.values ?? [] },
      {
        name: words.p90,
        tone: "warn" as const,
        dashed: true,
        values: line?.spreads.map((spread) => spread?.p90_ms ?? null) ?? [],
      },
    ],
    [line],
  );
  if (error !== null)
    return (
      <Card title={words.overview.responses}>
        <Missing error={error} retry={retry} />
      </Card>
    );
  return (
    <ChartCard
      title={words.overview.responses}
      metric="first_response_time"
      at={line?.at ?? null}
      lines={lines}
      unit="duration"
      xText={xTextOf(choice.range)}
      xLabel={xLabelOf(choice.range)}
      empty={words.nothing}
    />
  );
}

/** Eight weeks by the hour, put together by the hour of the week in the reader's own zone. */
function Week({ team }: { team: string | null }) {
  const { api } = useDesk();
  const asked = useQuery({
    queryKey: ["heat", team],
    queryFn: () =>
      api.figures.run({
        measure: "created",
        last: WEEKS_BACK,
        grain: "hour",
        ...(team === null ? {} : { filter: { team: [team] } }),
      }),
    staleTime: 10 * MINUTE,
  });
  const cells = useMemo(() => {
    if (asked.data === undefined) return null;
    const weeks = (Date.parse(asked.data.to) - Date.parse(asked.data.from)) / (7 * 24 * 60 * MINUTE);
    const sums = Array.from({ length: 7 }, () => new Array<number>(24).fill(0));
    for (const row of asked.data.rows) {
      const at = new Date(row.at ?? 0);
      const day = sums[(at.getDay() + 6) % 7];
      if (day) day[at.getHours()] = (day[at.getHours()] ?? 0) + row.count;
    }
    return sums.map((day) => day.map((sum) => sum / Math.max(1, weeks)));
  }, [asked.data]);
  if (asked.error !== null && cells === null)
    return (
      <Card title={words.overview.heat}>
        <Missing error={asked.error} retry={() => void asked.refetch()} />
      </Card>
    );
  return (
    <Card title={words.overview.heat} metric="created" hint={words.overview.heatHint}>
      <Heatmap label={words.overview.heat} cells={cells} />
    </Card>
  );
}
