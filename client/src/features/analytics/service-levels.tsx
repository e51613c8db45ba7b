import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { figureWords as words } from "@/app/strings/figures";
import { BarList } from "@/desk/charts/bar-list";
import { Card, ChartCard } from "@/desk/charts/chart-card";
import { figure } from "@/desk/charts/figure-text";
import { Stat, Stats } from "@/desk/charts/stat";
import { useDesk } from "@/desk/desk-context";
import { number } from "@/desk/format-time";
import { useLiveFigures } from "@/desk/use-figures";
import { xLabelOf, xTextOf } from "./range";
import { Missing } from "./state-of";
import { type Choice, useSeries } from "./use-series";
import { rounded, useTrends } from "./use-trends";

/** Below this a target is told to be in danger. */
const GOOD_SHARE = 0.8;
const TARGETS = ["first_response", "next_response", "resolution"] as const;

/** How many will be missed, by the same forecast that Trends draws. */
function Foreseen() {
  const { data } = useTrends();
  const sum = data?.breaches.reduce((sum, point) => sum + point.value, 0);
  return (
    <Stat
      name={words.sla.foreseen}
      value={sum === undefined ? words.noTime : rounded(sum)}
      hint={words.sla.foreseenHint}
    >
      {words.sla.nextDay}
    </Stat>
  );
}

/** Targets met and missed. */
export function ServiceLevels({ choice }: { choice: Choice }) {
  const { figures } = useLiveFigures();
  const met = useSeries("sla_met", choice);
  const missed = useSeries("sla_breached", choice);
  const lines = useMemo(
    () => [
      {
        name: words.sla.kept,
        tone: "good" as const,
        kind: "area" as const,
        values: met.line?.values ?? [],
      },
      {
        name: words.sla.missed,
        tone: "danger" as const,
        dashed: true,
        values: missed.line?.values ?? [],
      },
    ],
    [met.line, missed.line],
  );
  const failed = met.error ?? missed.error;
  if (failed !== null || met.line === null || missed.line === null)
    return <Missing error={failed} retry={() => [met, missed].map((one) => one.retry())} />;
  const ended = met.line.sum + missed.line.sum;
  return (
    <>
      <Stats>
        <Stat
          name={words.sla.kept}
          value={figure(ended === 0 ? null : met.line.sum / ended, "share")}
          metric="sla_met_share"
        >
          {words.of(number(met.line.sum), number(ended))}
        </Stat>
        <Stat
          name={words.sla.missed}
          value={number(missed.line.sum)}
          metric="sla_breached"
          tone={missed.line.sum > 0 ? "danger" : undefined}
        />
        <Stat
          name={words.now.atRisk}
          value={figure(figures?.now.at_risk, "count")}
          hint={words.now.atRiskHint}
          tone={(figures?.now.at_risk ?? 0) > 0 ? "warn" : undefined}
        >
          {figures === null ? "" : words.now.breached(number(figures.now.breached))}
        </Stat>
        <Foreseen />
      </Stats>
      <div className="grid gap-4 lg:grid-cols-3">
        <ChartCard
          title={words.sla.over}
          at={met.line.at}
          lines={lines}
          unit="count"
          xText={xTextOf(choice.range)}
          xLabel={xLabelOf(choice.range)}
          empty={`${words.sla.none}. ${words.sla.noneHint}`}
          className="lg:col-span-2"
        />
        <Targets choice={choice} />
      </div>
    </>
  );
}

function Targets({ choice }: { choice: Choice }) {
  const { api } = useDesk();
  const asked = useQuery({
    queryKey: ["targets", choice],
    queryFn: () =>
      api.figures.run({
        measure: "sla_met_share",
        split: ["target"],
        last: choice.range,
        ...(choice.team === null ? {} : { filter: { team: [choice.team] } }),
      }),
    placeholderData: keepPreviousData,
  });
  const rows = TARGETS.map((target) => {
    const kept = asked.data?.rows.find((row) => row.keys[0] === target)?.value ?? null;
    return {
      key: target,
      name: words.sla.targets[target],
      value: kept ?? 0,
      text: figure(kept, "share"),
      tone: kept !== null && kept < GOOD_SHARE ? ("warn" as const) : ("good" as const),
    };
  });
  return (
    <Card title={words.sla.byTarget} metric="sla_met_share">
      <BarList label={words.sla.byTarget} rows={rows} most={1} />
    </Card>
  );
}
