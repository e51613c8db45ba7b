import clsx from "clsx";
import { Users } from "lucide-react";
import { useMemo } from "react";
import { Link } from "wouter";
import { figureWords as words } from "@/app/strings/figures";
import { Avatar } from "@/components/ui/avatar";
import { Notice } from "@/components/ui/notice";
import { Card, ChartCard } from "@/desk/charts/chart-card";
import { type Column, FigureTable } from "@/desk/charts/figure-table";
import { median } from "@/desk/charts/figure-text";
import { useDesk } from "@/desk/desk-context";
import { number } from "@/desk/format-time";
import { useLiveFigures } from "@/desk/use-figures";
import type { LiveFigures } from "@/protocol/types";
import { xLabelOf, xTextOf } from "./range";
import { Missing } from "./state-of";
import { type Choice, useSeries } from "./use-series";

type State = LiveFigures["agents"][string]["state"];
const ORDER: Record<State, number> = { on_ticket: 3, online: 2, away: 1, offline: 0 };
const DOTS: Record<State, string> = {
  on_ticket: "bg-accent",
  online: "bg-good",
  away: "border-2 border-line-strong bg-surface",
  offline: "bg-line",
};

interface Row {
  id: string;
  name: string;
  state: State;
  ticket: number | null;
  holding: number;
  claims: number;
  replies: number;
  solved: number;
  first: LiveFigures["agents"][string]["first_response"];
  handling: LiveFigures["agents"][string]["handling"];
}

/** Who is here, what is in whose hands, and what has been done today. */
export function Agents({ choice }: { choice: Choice }) {
  const { people } = useDesk();
  const { figures, error, retry } = useLiveFigures();
  const rows = useMemo<Row[]>(
    () =>
      Object.entries(figures?.agents ?? {}).map(([id, one]) => ({
        id,
        name: people.get(id)?.name ?? id,
        state: one.state,
        ticket: one.ticket,
        holding: one.holding,
        claims: one.claims,
        replies: one.replies,
        solved: one.solved,
        first: one.first_response,
        handling: one.handling,
      })),
    [figures, people],
  );
  if (figures === null) return <Missing error={error} retry={retry} />;
  return (
    <>
      <Card title={words.agents.title} hint={words.group.today}>
        {rows.length === 0 ? (
          <Notice icon={<Users />} title={words.agents.nobody} hint={words.agents.nobodyHint} />
        ) : (
          <FigureTable
            label={words.agents.title}
            rows={rows}
            columns={COLUMNS}
            keyOf={(row) => row.id}
            order="state"
          />
        )}
      </Card>
      <Answers choice={choice} />
    </>
  );
}

const COLUMNS: Column<Row>[] = [
  {
    id: "name",
    name: words.agents.name,
    by: (row) => row.name,
    draw: (row) => (
      <span className="flex min-w-0 items-center gap-2">
        <Avatar name={row.name} size="sm" muted={row.state === "offline" || row.state === "away"} />
        <span className="truncate">{row.name}</span>
      </span>
    ),
    text: true,
  },
  {
    id: "state",
    name: words.agents.state,
    by: (row) => ORDER[row.state] * 10_000 + row.holding,
    draw: (row) => (
      <span className="inline-flex items-center gap-1.5">
        <span aria-hidden="true" className={clsx("size-2 rounded-full", DOTS[row.state])} />
        {words.agents.states[row.state]}
        {row.ticket === null ? null : (
          <Link href={`/tickets/${row.ticket}`} className="text-accent hover:underline">
            #{row.ticket}
          </Link>
        )}
      </span>
    ),
    text: true,
  },
  figure("holding", words.agents.holding),
  figure("claims", words.agents.claims),
  figure("replies", words.agents.replies),
  figure("solved", words.agents.solved),
  {
    id: "first",
    name: words.agents.firstResponse,
    by: (row) => row.first.median_ms,
    draw: (row) => median(row.first),
  },
  {
    id: "handling",
    name: words.agents.handling,
    by: (row) => row.handling.median_ms,
    draw: (row) => median(row.handling),
  },
];

function figure(id: "holding" | "claims" | "replies" | "solved", name: string): Column<Row> {
  return {
    id,
    name,
    by: (row) => row[id],
    draw: (row) => <span className={row[id] === 0 ? "text-ink-3" : ""}>{number(row[id])}</span>,
  };
}

function Answers({ choice }: { choice: Choice }) {
  const replies = useSeries("replies", choice);
  const handling = useSeries("handling_time", choice);
  const counts = useMemo(
    () => [
      {
        name: words.agents.replies,
        tone: "accent" as const,
        kind: "bars" as const,
        values: replies.line?.values ?? [],
      },
    ],
    [replies.line],
  );
  const times = useMemo(
    () => [
      { name: words.median, tone: "accent" as const, values: handling.line?.values ?? [] },
      {
        name: words.p90,
        tone: "warn" as const,
        dashed: true,
        values: handling.line?.spreads.map((spread) => spread?.p90_ms ?? null) ?? [],
      },
    ],
    [handling.line],
  );
  const failed = replies.error ?? handling.error;
  if (failed !== null)
    return <Missing error={failed} retry={() => [replies, handling].map((one) => one.retry())} />;
  return (
    <div className="grid gap-4 lg:grid-cols-2">
      <ChartCard
        title={words.agents.answers}
        metric="replies"
        at={replies.line?.at ?? null}
        lines={counts}
        unit="count"
        xText={xTextOf(choice.range)}
        xLabel={xLabelOf(choice.range)}
        empty={words.nothing}
      />
      <ChartCard
        title={words.agents.handling}
        metric="handling_time"
        at={handling.line?.at ?? null}
        lines={times}
        unit="duration"
        xText={xTextOf(choice.range)}
        xLabel={xLabelOf(choice.range)}
        empty={words.nothing}
      />
    </div>
  );
}
