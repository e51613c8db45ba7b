import clsx from "clsx";
import { X } from "lucide-react";
import {
  lazy,
  type ReactNode,
  Suspense,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import { strings } from "@/app/strings/strings";
import { Avatar } from "@/components/ui/avatar";
import { Button } from "@/components/ui/button";
import { ConnectionStatus } from "@/desk/connection-status";
import { useDesk } from "@/desk/desk-context";
import { number, roughly, timeOfDay } from "@/desk/format-time";
import { useConnection } from "@/desk/use-live";
import { useNow } from "@/desk/use-now";
import { nextDue } from "@/desk/views";
import type { Ticket } from "@/protocol/types";
import { recordsAfter, seqAt } from "@/sync/history";
import { EventToScreen, Flow, SPAN, type Standing, standing } from "./figures";

const FlowChart = lazy(() => import("./flow-chart").then((m) => ({ default: m.FlowChart })));

const VERSION_EVERY_MS = 5 * 60_000;

/** For a big screen: what waits, what is late, who works, what moves, all of it true now. */
export function WallboardScreen({
  onLeave,
  onNewVersion,
}: {
  onLeave: () => void;
  /** The server is another one than this page came from. */
  onNewVersion: () => void;
}) {
  const { info } = useDesk();
  const now = useNow("second");
  const figures = useStanding(now);
  const { series, screen } = useMovement(now);
  useNewVersion(onNewVersion);
  const [, came, went] = series;
  const total = (counts: readonly number[]) => counts.reduce((sum, count) => sum + count, 0);
  const measured = screen.summary();

  return (
    <main
      id="ticket"
      className="grid h-full grid-rows-[auto_auto_1fr_auto] gap-[1.4vmin] overflow-y-auto bg-canvas p-[2vmin] text-[clamp(0.8rem,2vmin,2.8rem)] leading-tight"
    >
      <header className="flex items-center gap-[1.4vmin] [&_[data-connection]>span:first-child]:w-auto [&_[data-connection]]:h-auto [&_[data-connection]]:gap-[0.6em] [&_[data-connection]]:text-[1em]">
        <h1 className="flex-1 truncate font-semibold text-[1.5em] tracking-tight">{info.name}</h1>
        <ConnectionStatus />
        <time className="font-medium text-[1.5em] tabular-nums">
          {timeOfDay(new Date(now).toISOString())}
        </time>
        <Button variant="ghost" size="icon" aria-label={strings.wallboard.leave} onClick={onLeave}>
          <X className="size-4" />
        </Button>
      </header>

      <dl className="grid grid-cols-2 gap-[1.4vmin] md:grid-cols-4">
        <Tile label={strings.wallboard.waiting} value={number(figures.waiting)}>
          {strings.wallboard.open(figures.open)}
        </Tile>
        <Tile
          label={strings.wallboard.oldest}
          value={figures.oldest === null ? "–" : roughly(now - figures.oldest.since)}
        >
          {figures.oldest === null ? strings.wallboard.nobodyWaits : `#${figures.oldest.id}`}
        </Tile>
        <Tile
          label={strings.wallboard.atRisk}
          value={number(figures.atRisk)}
          tone={figures.atRisk > 0 ? "warn" : undefined}
        >
          {strings.wallboard.atRiskHint}
        </Tile>
        <Tile
          label={strings.wallboard.late}
          value={number(figures.late)}
          tone={figures.late > 0 ? "danger" : undefined}
        >
          {strings.wallboard.lateHint}
        </Tile>
      </dl>

      <div className="grid min-h-0 gap-[1.4vmin] md:grid-cols-[1.7fr_1fr]">
        <section
          aria-label={strings.wallboard.flow}
          className="flex min-h-[16rem] flex-col rounded-[1.2vmin] bg-surface p-[1.8vmin]"
        >
          <div className="flex flex-wrap items-baseline gap-x-[2vmin] pb-[1vmin]">
            <h2 className="flex-1 text-ink-3">{strings.wallboard.flow}</h2>
            <Legend tone="bg-accent" name={strings.wallboard.came} count={total(came)} />
            <Legend tone="bg-good" name={strings.wallboard.went} count={total(went)} />
          </div>
          <div className="min-h-0 flex-1">
            <Suspense fallback={null}>
              <FlowChart series={series} names={[strings.wallboard.came, strings.wallboard.went]} />
            </Suspense>
          </div>
        </section>
        <Agents figures={figures} />
      </div>

      <footer className="flex flex-wrap items-baseline gap-x-[2vmin] text-ink-3 tabular-nums">
        <span>{strings.wallboard.toScreen}</span>
        {measured === null ? (
          <span>{strings.wallboard.notMeasured}</span>
        ) : measured.skewed ? (
          <span className="text-warn">{strings.wallboard.skewed}</span>
        ) : (
          <span data-figure="event-to-screen" className="font-medium text-ink">
            {strings.wallboard.measured(
              Math.round(measured.typical),
              Math.round(measured.slow),
              measured.count,
            )}
          </span>
        )}
      </footer>
    </main>
  );
}

function Tile({
  label,
  value,
  tone,
  children,
}: {
  label: string;
  value: string;
  tone?: "warn" | "danger" | undefined;
  children: ReactNode;
}) {
  return (
    <div
      className={clsx(
        "rounded-[1.2vmin] p-[1.8vmin]",
        tone === "danger" ? "bg-danger-soft" : tone === "warn" ? "bg-warn-soft" : "bg-surface",
      )}
    >
      <dt className={tone ? "text-ink-2" : "text-ink-3"}>{label}</dt>
      <dd
        className={clsx(
          "font-semibold text-[clamp(2.4rem,11vmin,12rem)] leading-none tracking-tight tabular-nums",
          tone === "danger" ? "text-danger" : tone === "warn" ? "text-warn" : "text-ink",
        )}
      >
        {value}
      </dd>
      <dd className={tone ? "text-ink-2 tabular-nums" : "text-ink-3 tabular-nums"}>{children}</dd>
    </div>
  );
}

function Legend({ tone, name, count }: { tone: string; name: string; count: number }) {
  return (
    <span className="inline-flex items-baseline gap-[0.8vmin]">
      <span aria-hidden="true" className={clsx("h-[0.35em] w-[1.2em] self-center rounded-full", tone)} />
      <span className="text-ink-2">{name}</span>
      <span className="font-semibold text-[1.5em] tabular-nums">{number(count)}</span>
    </span>
  );
}

const ORDER = { typing: 0, viewing: 1, away: 2 } as const;

/** Who writes, who reads, who is elsewhere, and how much each holds. */
function Agents({ figures }: { figures: Standing }) {
  const { sync, people } = useDesk();
  const { turn } = sync.presenceOf;
  const at = useSyncExternalStore(turn.subscribe, turn.get);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the turn says that presence is another one
  const states = useMemo(() => sync.presenceOf.states(), [sync, at]);
  const rows = [...people.values()]
    .filter((person) => person.active && (states.has(person.id) || figures.held.has(person.id)))
    .map((person) => ({
      person,
      state: states.get(person.id) ?? ("away" as const),
      held: figures.held.get(person.id) ?? 0,
    }))
    .sort(
      (a, b) =>
        ORDER[a.state] - ORDER[b.state] || b.held - a.held || a.person.name.localeCompare(b.person.name),
    );
  return (
    <section
      aria-label={strings.wallboard.agents}
      className="flex min-h-[12rem] flex-col overflow-hidden rounded-[1.2vmin] bg-surface p-[1.8vmin]"
    >
      <h2 className="pb-[1vmin] text-ink-3">{strings.wallboard.agents}</h2>
      {rows.length === 0 ? <p className="text-ink-3">{strings.wallboard.nobody}</p> : null}
      <ul className="scroll-thin flex min-h-0 flex-col gap-[0.9vmin] overflow-y-auto">
        {rows.map(({ person, state, held }) => (
          <li key={person.id} className="flex items-center gap-[1.2vmin]">
            <Avatar
              name={person.name}
              size="sm"
              muted={state === "away"}
              className="size-[2em]! text-[0.8em]!"
            />
            <span className={clsx("min-w-0 flex-1 truncate", state === "away" && "text-ink-3")}>
              {person.name}
            </span>
            <span
              className={clsx(
                "text-[0.85em]",
                state === "typing" ? "text-accent" : state === "viewing" ? "text-good" : "text-ink-3",
              )}
            >
              {strings.wallboard.state[state]}
            </span>
            <span className="w-[2.2em] text-right font-medium tabular-nums">{number(held)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** One pass over the board a second, whatever happens in between. */
function useStanding(now: number): Standing {
  const { sync } = useDesk();
  return useMemo(() => standing(sync.tickets.all(), now, nextDue), [sync, now]);
}

/** The last hour from the journal, then what happens, and how long each took to be seen. */
function useMovement(now: number) {
  const { sync, api } = useDesk();
  const [flow] = useState(() => new Flow(Date.now()));
  const [screen] = useState(() => new EventToScreen());
  const [turn, setTurn] = useState(0);
  const connection = useConnection();
  const live = connection.kind === "live";
  const loaded = sync.loaded;

  // What the live records leave out: everything before this screen was opened.
  useEffect(() => {
    if (!loaded) return;
    let wanted = true;
    const head = sync.seq();
    void (async () => {
      const from = await seqAt(api, Date.now() - SPAN * 60_000, head);
      // How each ticket stood then says whether its next status is a way in, a way out, or neither.
      const { board } = await api.snapshotAt(from);
      const tickets = new Map(board.map((ticket) => [ticket.id, ticket]));
      for await (const records of recordsAfter(api, from, () => wanted)) {
        for (const record of records) {
          if (!wanted || record.seq > head) break;
          const before = tickets.get(record.ticket);
          flow.take(record, before);
          tickets.set(record.ticket, { ...before, ...record.patch, id: record.ticket } as Ticket);
        }
        setTurn((before) => before + 1);
        if ((records.at(-1)?.seq ?? 0) >= head) break;
      }
    })().catch(() => {
      // Without its past the chart begins now; the tiles are true all the same.
    });
    return () => {
      wanted = false;
    };
  }, [api, sync, flow, loaded]);

  useEffect(
    () =>
      sync.changes.subscribe(({ record, before }) => {
        flow.take(record, before);
        if (!live) return;
        const stamped = Date.parse(record.at);
        // The frame in which it is drawn, and the one after, by which it has been.
        requestAnimationFrame(() => requestAnimationFrame(() => screen.take(Date.now() - stamped)));
      }),
    [sync, flow, screen, live],
  );

  // biome-ignore lint/correctness/useExhaustiveDependencies: the second and the history are what move the lines
  const series = useMemo(() => flow.series(now), [flow, now, turn]);
  return { series, screen };
}

/** A wall that nobody touches for weeks takes a new version by itself. */
function useNewVersion(onNewVersion: () => void): void {
  const { api, info } = useDesk();
  const connection = useConnection();
  const live = connection.kind === "live";
  const latest = useRef(onNewVersion);
  latest.current = onNewVersion;
  useEffect(() => {
    if (!live) return;
    const check = () =>
      void api.desk().then(
        (desk) => {
          if (desk.version !== info.version) latest.current();
        },
        () => {
          // The line's own state says that nobody answers.
        },
      );
    check();
    const timer = setInterval(check, VERSION_EVERY_MS);
    return () => clearInterval(timer);
  }, [api, info.version, live]);
}
