import { useQuery } from "@tanstack/react-query";
import clsx from "clsx";
import { type FormEvent, type ReactNode, useState } from "react";
import { Link } from "wouter";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { ScrollBox } from "@/components/ui/scroll-box";
import { TextArea } from "@/components/ui/text-area";
import { TextField } from "@/components/ui/text-field";
import { useDesk } from "@/desk/desk-context";
import { number, percent, usd } from "@/desk/format-time";
import { problemText } from "@/desk/refusal-text";
import type { Acceptance, Confusion, ReliabilityBin, TriageStats, TriedTriage } from "@/protocol/types";
import { asProblem } from "@/sync/problem-error";

const REFRESH_MS = 15_000;

/** What sorts new tickets: what it costs, how often it is right, and how it reads a text. */
export function Ai() {
  const { api } = useDesk();
  const stats = useQuery({
    queryKey: ["triage-stats"],
    queryFn: () => api.triageStats(),
    refetchInterval: REFRESH_MS,
  });
  if (stats.error !== null) {
    const problem = asProblem(stats.error);
    return (
      <Notice
        alert
        title={strings.ai.failed}
        hint={problemText(problem)}
        action={<Button onClick={() => void stats.refetch()}>{strings.list.retry}</Button>}
      />
    );
  }
  if (stats.data === undefined) return null;
  return (
    <>
      {stats.data.enabled ? null : <p className="text-ink-2 text-sm">{strings.ai.off}</p>}
      <Service stats={stats.data} />
      <AcceptanceTable rows={stats.data.acceptance} />
      <Reliability bins={stats.data.reliability} />
      <ConfusionMatrix pairs={stats.data.confusion} />
      <TryText />
    </>
  );
}

function Block({ title, hint, children }: { title: string; hint?: string; children: ReactNode }) {
  return (
    <section aria-label={title} className="flex flex-col gap-3 border-t pt-5">
      <header>
        <h3 className="font-semibold text-base">{title}</h3>
        {hint ? <p className="text-ink-3 text-sm">{hint}</p> : null}
      </header>
      {children}
    </section>
  );
}

function Figure({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="flex flex-col gap-0.5">
      <dt className="text-ink-3 text-xs">{name}</dt>
      <dd className="text-sm tabular-nums">{children}</dd>
    </div>
  );
}

const orDash = (value: number | null, show: (value: number) => string) =>
  value === null ? "–" : show(value);

function Service({ stats: { service, queue, learner } }: { stats: TriageStats }) {
  const spent = service.daily_budget_usd > 0 ? service.spent_today_usd / service.daily_budget_usd : 0;
  return (
    <div className="grid gap-5 sm:grid-cols-2">
      <section aria-label={strings.ai.service} className="flex flex-col gap-3 rounded-lg border p-4">
        <h3 className="font-semibold text-base">{strings.ai.service}</h3>
        <p className="text-ink-2 text-sm">{strings.ai.serviceStates[service.state]}</p>
        <div className="flex flex-col gap-1">
          <span className="text-ink-3 text-xs">{strings.ai.today}</span>
          <span className="text-sm tabular-nums">
            {strings.ai.ofBudget(usd(service.spent_today_usd), usd(service.daily_budget_usd))}
          </span>
          <span className="h-1.5 overflow-hidden rounded-full bg-press" aria-hidden="true">
            <span
              className={clsx("block h-full", spent < 0.8 ? "bg-accent" : "bg-warn")}
              style={{ width: `${Math.min(100, spent * 100)}%` }}
            />
          </span>
        </div>
        <dl className="grid grid-cols-2 gap-3">
          <Figure name={strings.ai.model}>{service.model}</Figure>
          <Figure name={strings.ai.perThousand}>{orDash(service.usd_per_1000_tickets, usd)}</Figure>
          <Figure name={strings.ai.cache}>{orDash(service.cache_hit_ratio, percent)}</Figure>
          <Figure name={strings.ai.batch}>
            {orDash(service.tickets_per_request, (value) => number(Math.round(value * 10) / 10))}
          </Figure>
          <Figure name={strings.ai.tokens}>
            {orDash(service.tokens_per_ticket, (value) => number(Math.round(value)))}
          </Figure>
          <Figure name={strings.ai.waiting}>{number(queue.waiting)}</Figure>
          {service.asked_again > 0 && (
            <Figure name={strings.ai.askedAgain}>{number(service.asked_again)}</Figure>
          )}
        </dl>
      </section>
      <section aria-label={strings.ai.learner} className="flex flex-col gap-3 rounded-lg border p-4">
        <h3 className="font-semibold text-base">{strings.ai.learner}</h3>
        <dl className="grid gap-3">
          <Figure name={strings.ai.examples}>{number(learner.examples)}</Figure>
          <Figure name={strings.ai.sinceRefit}>{number(learner.since_refit)}</Figure>
          <Figure name={strings.ai.similar}>{number(learner.similar_tickets)}</Figure>
        </dl>
      </section>
    </div>
  );
}

function AcceptanceTable({ rows }: { rows: readonly Acceptance[] }) {
  const judged = rows.filter((row) => total(row) > 0);
  return (
    <Block title={strings.ai.acceptance}>
      {judged.length === 0 ? (
        <p className="text-ink-3 text-sm">{strings.ai.noJudgements}</p>
      ) : (
        <ScrollBox label={strings.ai.acceptance}>
          <table className="w-full text-left text-sm tabular-nums">
            <thead className="text-ink-3 text-xs">
              <tr>
                {[
                  strings.ai.field,
                  strings.ai.source,
                  strings.ai.right,
                  strings.ai.accepted,
                  strings.ai.edited,
                  strings.ai.rejected,
                  strings.ai.kept,
                  strings.ai.passedOver,
                ].map((name) => (
                  <th key={name} scope="col" className="py-1.5 pr-4 font-medium">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {judged.map((row) => (
                <tr key={`${row.field}-${row.source}`} className="border-t">
                  <th scope="row" className="py-1.5 pr-4 font-medium">
                    {strings.details[row.field]}
                  </th>
                  <td className="pr-4">{strings.triage.sources[row.source]}</td>
                  <td className="pr-4 font-medium">{percent((row.accepted + row.kept) / total(row))}</td>
                  <td className="pr-4">{number(row.accepted)}</td>
                  <td className="pr-4">{number(row.edited)}</td>
                  <td className="pr-4">{number(row.rejected)}</td>
                  <td className="pr-4">{number(row.kept)}</td>
                  <td>{number(row.passed_over)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </ScrollBox>
      )}
    </Block>
  );
}

function total(row: Acceptance): number {
  return row.accepted + row.edited + row.rejected + row.kept + row.passed_over;
}

const SIDE = 200;

/** https://en.wikipedia.org/wiki/Calibration_(statistics): how often right, over how sure. */
function Reliability({ bins }: { bins: readonly ReliabilityBin[] }) {
  const filled = bins.filter((bin) => bin.count > 0);
  if (filled.length === 0) return null;
  const most = Math.max(...filled.map((bin) => bin.count));
  return (
    <Block title={strings.ai.reliability} hint={strings.ai.reliabilityHint}>
      <div className="flex flex-wrap gap-8">
        {[...new Set(filled.map((bin) => bin.source))].map((source) => (
          <figure key={source} className="flex flex-col gap-2">
            <svg
              viewBox={`-30 -6 ${SIDE + 40} ${SIDE + 34}`}
              className="w-64"
              role="img"
              aria-label={`${strings.ai.reliability}, ${strings.triage.sources[source]}`}
            >
              <rect width={SIDE} height={SIDE} className="fill-none stroke-line" />
              <line x1={0} y1={SIDE} x2={SIDE} y2={0} className="stroke-line-strong" strokeDasharray="4 4" />
              {[0, 0.5, 1].map((tick) => (
                <g key={tick} className="fill-ink-3 text-2xs">
                  <text x={-6} y={SIDE * (1 - tick) + 4} textAnchor="end">
                    {percent(tick)}
                  </text>
                  <text x={SIDE * tick} y={SIDE + 14} textAnchor="middle">
                    {percent(tick)}
                  </text>
                </g>
              ))}
              <text x={SIDE / 2} y={SIDE + 27} textAnchor="middle" className="fill-ink-3 text-2xs">
                {strings.ai.sure}
              </text>
              {filled
                .filter((bin) => bin.source === source)
                .map((bin) => (
                  <circle
                    key={bin.from}
                    cx={SIDE * bin.mean_confidence}
                    cy={SIDE * (1 - bin.right / bin.count)}
                    r={3 + 7 * Math.sqrt(bin.count / most)}
                    className="fill-accent/40 stroke-accent"
                  >
                    <title>
                      {strings.ai.bin(
                        percent(bin.from),
                        percent(bin.to),
                        percent(bin.right / bin.count),
                        bin.count,
                      )}
                    </title>
                  </circle>
                ))}
            </svg>
            <figcaption className="text-ink-2 text-xs">{strings.triage.sources[source]}</figcaption>
            <ul className="sr-only">
              {filled
                .filter((bin) => bin.source === source)
                .map((bin) => (
                  <li key={bin.from}>
                    {strings.ai.bin(
                      percent(bin.from),
                      percent(bin.to),
                      percent(bin.right / bin.count),
                      bin.count,
                    )}
                  </li>
                ))}
            </ul>
          </figure>
        ))}
      </div>
    </Block>
  );
}

function ConfusionMatrix({ pairs }: { pairs: readonly Confusion[] }) {
  const { info } = useDesk();
  if (pairs.length === 0) return null;
  const named = (id: string) => info.categories.find((option) => option.id === id)?.name ?? id;
  const ids = [...new Set(pairs.flatMap((pair) => [pair.proposed, pair.kept]))].sort();
  const most = Math.max(...pairs.map((pair) => pair.count));
  const count = (proposed: string, kept: string) =>
    pairs.find((pair) => pair.proposed === proposed && pair.kept === kept)?.count ?? 0;
  return (
    <Block title={strings.ai.confusion} hint={strings.ai.confusionHint}>
      <ScrollBox label={strings.ai.confusion}>
        <table className="text-right text-xs tabular-nums">
          <thead>
            <tr>
              <td />
              {ids.map((id) => (
                <th key={id} scope="col" className="h-28 px-1 pb-1 align-bottom font-medium text-ink-3">
                  <span className="inline-block rotate-180 whitespace-nowrap [writing-mode:vertical-rl]">
                    {named(id)}
                  </span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {ids.map((proposed) => (
              <tr key={proposed}>
                <th scope="row" className="whitespace-nowrap py-1 pr-3 font-medium text-ink-3">
                  {named(proposed)}
                </th>
                {ids.map((kept) => {
                  const found = count(proposed, kept);
                  return (
                    <td key={kept} className="p-px">
                      <span className="relative flex h-7 w-9 items-center justify-center rounded">
                        <span
                          aria-hidden="true"
                          className={clsx(
                            "absolute inset-0 rounded",
                            proposed === kept ? "bg-good" : "bg-danger",
                          )}
                          style={{ opacity: found === 0 ? 0 : 0.1 + (0.35 * found) / most }}
                        />
                        <span className="relative">{found === 0 ? "" : number(found)}</span>
                      </span>
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </ScrollBox>
    </Block>
  );
}

function TryText() {
  const { api } = useDesk();
  const [subject, setSubject] = useState("");
  const [body, setBody] = useState("");
  const [tried, setTried] = useState<TriedTriage | null>(null);
  const [error, setError] = useState<string | null>(null);
  async function submit(event: FormEvent) {
    event.preventDefault();
    setError(null);
    try {
      setTried(await api.tryTriage({ subject: subject.trim(), body }));
    } catch (failure) {
      const problem = asProblem(failure);
      setError(problem.fields[0]?.detail ?? problemText(problem));
    }
  }
  return (
    <Block title={strings.ai.try} hint={strings.ai.tryHint}>
      <form onSubmit={submit} className="flex flex-col gap-4">
        <TextField
          label={strings.newTicket.subject}
          value={subject}
          onChange={(event) => setSubject(event.target.value)}
          maxLength={300}
        />
        <TextArea
          label={strings.newTicket.body}
          rows={4}
          value={body}
          onChange={(event) => setBody(event.target.value)}
          error={error}
        />
        <div>
          <Button type="submit" variant="primary" disabled={subject.trim() === "" && body.trim() === ""}>
            {strings.ai.trySubmit}
          </Button>
        </div>
      </form>
      {tried === null ? null : <Tried tried={tried} />}
    </Block>
  );
}

function Tried({ tried }: { tried: TriedTriage }) {
  const { info } = useDesk();
  const guesses = [
    ...tried.categories.map(({ value, confidence }) => ({
      name: info.categories.find((option) => option.id === value)?.name ?? value,
      confidence,
    })),
    { name: strings.ai.outOfScope, confidence: tried.out_of_scope },
  ];
  return (
    <div role="status" className="flex flex-col gap-4 rounded-lg border p-4">
      <ul className="flex flex-col gap-1.5">
        {guesses.map(({ name, confidence }) => (
          <li key={name} className="grid grid-cols-[10rem_1fr_3rem] items-center gap-3 text-sm">
            <span className="truncate">{name}</span>
            <span className="h-1.5 overflow-hidden rounded-full bg-press" aria-hidden="true">
              <span className="block h-full bg-accent" style={{ width: `${confidence * 100}%` }} />
            </span>
            <span className="text-right text-ink-2 tabular-nums">{percent(confidence)}</span>
          </li>
        ))}
      </ul>
      <p className="text-ink-2 text-sm">
        {[
          tried.priority === null
            ? null
            : `${strings.details.priority}: ${strings.priority[tried.priority.value]}`,
          tried.sentiment === null ? null : strings.triage.sentiments[tried.sentiment.value],
          tried.tags.length === 0 ? null : tried.tags.join(", "),
          tried.would_ask ? strings.ai.wouldAsk : null,
        ]
          .filter((part) => part !== null)
          .join(" · ")}
      </p>
      {tried.similar.length === 0 ? (
        <p className="text-ink-3 text-sm">{strings.ai.noSimilar}</p>
      ) : (
        <ul className="flex flex-col gap-1 text-sm">
          {tried.similar.map((other) => (
            <li key={other.id}>
              <Link href={`/tickets/${other.id}`} className="text-accent underline underline-offset-2">
                #{other.id} {other.subject}
              </Link>{" "}
              <span className="text-ink-3 text-xs">{strings.triage.likeness(percent(other.likeness))}</span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
