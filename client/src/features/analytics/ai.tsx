import { useMemo } from "react";
import { figureWords as words } from "@/app/strings/figures";
import { ChartCard } from "@/desk/charts/chart-card";
import { figure } from "@/desk/charts/figure-text";
import { Stat, Stats } from "@/desk/charts/stat";
import { number } from "@/desk/format-time";
import { xLabelOf, xTextOf } from "./range";
import { Missing } from "./state-of";
import { type Choice, useSeries } from "./use-series";

/** What triage proposed, and what people made of it. */
export function Ai({ choice }: { choice: Choice }) {
  const proposed = useSeries("ai_proposed", choice);
  const accepted = useSeries("ai_accepted", choice);
  const edited = useSeries("ai_edited", choice);
  const rejected = useSeries("ai_rejected", choice);
  const failed = useSeries("ai_failed", choice);
  const all = [proposed, accepted, edited, rejected, failed];
  const lines = useMemo(
    () => [
      {
        name: words.ai.proposed,
        tone: "ink-3" as const,
        kind: "bars" as const,
        dashed: true,
        values: proposed.line?.values ?? [],
      },
      { name: words.ai.accepted, tone: "good" as const, values: accepted.line?.values ?? [] },
      {
        name: words.ai.rejected,
        tone: "danger" as const,
        dashed: true,
        values: rejected.line?.values ?? [],
      },
    ],
    [proposed.line, accepted.line, rejected.line],
  );
  const error = all.find((one) => one.error !== null)?.error ?? null;
  if (!proposed.line || !accepted.line || !edited.line || !rejected.line || !failed.line)
    return <Missing error={error} retry={() => all.map((one) => one.retry())} />;
  const decided = accepted.line.sum + edited.line.sum + rejected.line.sum;
  return (
    <>
      <Stats>
        <Stat
          name={words.ai.acceptance}
          value={figure(decided === 0 ? null : accepted.line.sum / decided, "share")}
          metric="ai_acceptance"
        >
          {`${number(accepted.line.sum)} / ${number(decided)}`}
        </Stat>
        <Stat name={words.ai.proposed} value={number(proposed.line.sum)} metric="ai_proposed" />
        <Stat name={words.ai.edited} value={number(edited.line.sum)} metric="ai_edited" />
        <Stat name={words.ai.rejected} value={number(rejected.line.sum)} metric="ai_rejected" />
        <Stat name={words.ai.failed} value={number(failed.line.sum)} metric="ai_failed" />
      </Stats>
      <ChartCard
        title={words.ai.over}
        hint={words.ai.noneHint}
        at={proposed.line.at}
        lines={lines}
        unit="count"
        xText={xTextOf(choice.range)}
        xLabel={xLabelOf(choice.range)}
        empty={words.ai.none}
      />
    </>
  );
}
