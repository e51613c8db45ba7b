import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { figureWords as words } from "@/app/strings/figures";
import { BarList } from "@/desk/charts/bar-list";
import { Card, ChartCard } from "@/desk/charts/chart-card";
import { nameOf } from "@/desk/charts/dimension-name";
import { dollars, figure } from "@/desk/charts/figure-text";
import { Stat, Stats } from "@/desk/charts/stat";
import { useDesk } from "@/desk/desk-context";
import { number, span } from "@/desk/format-time";
import { xLabelOf, xTextOf } from "./range";
import { Missing } from "./state-of";
import { type Choice, useSeries } from "./use-series";

const AGAIN_MS = 60_000;
/** Those that are proposed most. */
const CATEGORIES = 12;

/** What triage proposed, and what people made of it. */
export function Ai({ choice }: { choice: Choice }) {
  const { me } = useDesk();
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
      { name: words.ai.edited, tone: "warn" as const, dashed: true, values: edited.line?.values ?? [] },
      {
        name: words.ai.rejected,
        tone: "danger" as const,
        dashed: true,
        values: rejected.line?.values ?? [],
      },
    ],
    [proposed.line, accepted.line, edited.line, rejected.line],
  );
  const error = all.find((one) => one.error !== null)?.error ?? null;
  if (!proposed.line || !accepted.line || !edited.line || !rejected.line || !failed.line)
    return <Missing error={error} retry={() => all.map((one) => one.retry())} />;
  const reviews = (me.permissions as readonly string[]).includes("triage_review");
  const decided = accepted.line.sum + edited.line.sum + rejected.line.sum;
  return (
    <>
      <Stats>
        <Stat
          name={words.ai.acceptance}
          value={figure(decided === 0 ? null : accepted.line.sum / decided, "share")}
          metric="ai_acceptance"
        >
          {words.of(number(accepted.line.sum), number(decided))}
        </Stat>
        <Stat name={words.ai.proposed} value={number(proposed.line.sum)} metric="ai_proposed" />
        <Stat name={words.ai.edited} value={number(edited.line.sum)} metric="ai_edited" />
        <Stat name={words.ai.rejected} value={number(rejected.line.sum)} metric="ai_rejected" />
        <Stat name={words.ai.failed} value={number(failed.line.sum)} metric="ai_failed" />
      </Stats>
      <ChartCard
        title={words.ai.over}
        at={proposed.line.at}
        lines={lines}
        unit="count"
        xText={xTextOf(choice.range)}
        xLabel={xLabelOf(choice.range)}
        empty={`${words.ai.none}. ${words.ai.noneHint}`}
      />
      {reviews ? <Sorting /> : null}
    </>
  );
}

/** A share as a bar, and of how many. */
function told(right: number, all: number): { value: number; text: string } {
  return { value: right / all, text: words.of(number(right), number(all)) };
}

/** How sorting goes and what it costs, counted since the desk has it; where this server tells it. */
function Sorting() {
  const desk = useDesk();
  const asked = useQuery({
    queryKey: ["triage-stats"],
    queryFn: () => desk.api.triageStats(),
    refetchInterval: AGAIN_MS,
  });
  const found = asked.data;
  const fields = useMemo(
    () =>
      (found?.acceptance ?? []).flatMap((one) => {
        const right = one.accepted + one.kept;
        const all = right + one.edited + one.rejected + one.passed_over;
        const name = `${words.ai.fields[one.field]} · ${words.ai.sources[one.source]}`;
        return all === 0 ? [] : [{ key: `${one.field}/${one.source}`, name, ...told(right, all) }];
      }),
    [found],
  );
  const categories = useMemo(() => {
    const sums = new Map<string, { right: number; all: number }>();
    for (const one of found?.categories ?? []) {
      const sum = sums.get(one.category) ?? { right: 0, all: 0 };
      sums.set(one.category, { right: sum.right + one.right, all: sum.all + one.right + one.wrong });
    }
    return [...sums]
      .filter(([, sum]) => sum.all > 0)
      .sort(([, a], [, b]) => b.all - a.all)
      .slice(0, CATEGORIES)
      .map(([key, sum]) => ({ key, name: nameOf(desk, "category", key), ...told(sum.right, sum.all) }));
  }, [found, desk]);
  if (found === undefined) return <Missing error={asked.error} retry={() => void asked.refetch()} />;
  const { service, queue } = found;
  return (
    <>
      <Stats>
        <Stat name={words.ai.cost} hint={words.ai.costHint} value={dollars(service.spent_today_usd)}>
          {words.ai.budget(dollars(service.daily_budget_usd))}
        </Stat>
        <Stat
          name={words.ai.per1000}
          hint={words.ai.per1000Hint}
          value={service.usd_per_1000_tickets === null ? words.noTime : dollars(service.usd_per_1000_tickets)}
        >
          {words.ai.sorted(number(service.tickets))}
        </Stat>
        <Stat
          name={words.ai.cache}
          hint={words.ai.cacheHint}
          value={figure(service.cache_hit_ratio, "share")}
        />
        <Stat name={words.ai.waiting} hint={words.ai.waitingHint} value={number(queue.waiting)}>
          {queue.behind_ms > 0 ? words.ai.behind(span(queue.behind_ms)) : ""}
        </Stat>
      </Stats>
      <div className="grid gap-4 lg:grid-cols-2">
        <Card title={words.ai.byField} hint={words.ai.rightHint}>
          {fields.length === 0 ? (
            <p className="py-3 text-ink-3 text-sm">{words.ai.undecided}</p>
          ) : (
            <BarList label={words.ai.byField} rows={fields} most={1} />
          )}
        </Card>
        <Card title={words.ai.byCategory} hint={words.ai.rightHint}>
          {categories.length === 0 ? (
            <p className="py-3 text-ink-3 text-sm">{words.ai.undecided}</p>
          ) : (
            <BarList label={words.ai.byCategory} rows={categories} most={1} />
          )}
        </Card>
      </div>
    </>
  );
}
