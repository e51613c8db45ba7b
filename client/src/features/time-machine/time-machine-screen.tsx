import clsx from "clsx";
import { Link2, Pause, Play, SkipForward } from "lucide-react";
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import { Delayed } from "@/components/ui/delayed";
import { Notice } from "@/components/ui/notice";
import { PriorityIcon } from "@/components/ui/priority-icon";
import { Skeleton } from "@/components/ui/skeleton";
import { StatusIcon } from "@/components/ui/status-icon";
import { useDesk } from "@/desk/desk-context";
import { fullTime, number, timeOfDay, timeToTheSecond } from "@/desk/format-time";
import { MenuButton } from "@/desk/menu-button";
import { recordText } from "@/desk/record-text";
import { refusalText } from "@/desk/refusal-text";
import { toast } from "@/desk/toast";
import { usePersonName } from "@/desk/use-live";
import { useNow } from "@/desk/use-now";
import { useAction } from "@/keyboard/actions";
import type { Ticket, TicketRecord, TicketStatus } from "@/protocol/types";
import { PastDesk, type PastMoment } from "./past-desk";

const SPEEDS = [1, 10, 60, 300] as const;
const DAY_MS = 86_400_000;
/** The slider's own step. */
const STEP_MS = 10_000;
/** Nearer to now than this there is nothing left to play. */
const PRESENT_MS = 1_000;
/** So many cards of each column; how many more there are is said. */
const CARDS = 60;

function dayOf(at: number): number {
  const day = new Date(at);
  day.setHours(0, 0, 0, 0);
  return day.getTime();
}

/** As a field for days wants it, in the time zone of whoever looks. */
function dayText(day: number): string {
  const date = new Date(day);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** Back through the day, and the board as it stood: dragged, stepped or played. */
export function TimeMachineScreen({
  start,
  onMoment,
  onMenu,
}: {
  /** The moment that the address asks for. */
  start: number;
  /** Somebody stopped at a moment; its address is a link to it. */
  onMoment: (at: number) => void;
  onMenu: () => void;
}) {
  const { api, people } = useDesk();
  const [past] = useState(() => new PastDesk(api));
  const state = useSyncExternalStore(past.state.subscribe, past.state.get);
  const [playing, setPlaying] = useState(false);
  const [speed, setSpeed] = useState<(typeof SPEEDS)[number]>(60);
  /** Where the slider is while a hand is on it; the board follows as it can. */
  const [wanted, setWanted] = useState(start);
  const now = useNow("second");
  const at = state.kind === "ready" && playing ? state.at : wanted;
  const day = dayOf(at);
  const end = Math.min(day + DAY_MS - 1_000, now);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the address speaks once; after that the hand does
  useEffect(() => {
    void past.goTo(start);
    return () => past.stop();
  }, [past]);

  const settle = useRef<ReturnType<typeof setTimeout>>(undefined);
  const goTo = (moment: number) => {
    const next = Math.max(0, Math.min(moment, now));
    setPlaying(false);
    setWanted(next);
    clearTimeout(settle.current);
    // A drag passes many moments; the one that it rests at is asked for.
    settle.current = setTimeout(() => {
      settle.current = undefined;
      void past.goTo(next);
      onMoment(next);
    }, 120);
  };
  useEffect(() => () => clearTimeout(settle.current), []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: playing goes on from where it is; the hand stops it
  useEffect(() => {
    if (!playing) return;
    let frame = 0;
    let last = performance.now();
    let clock = past.state.get().kind === "ready" ? (past.state.get() as PastMoment).at : wanted;
    const step = (time: number) => {
      const passed = Math.min(time - last, 250) * speed;
      last = time;
      const until = Math.min(clock + passed, Date.now());
      past.advance(until);
      const moment = past.state.get();
      if (moment.kind === "ready") {
        clock = moment.at;
        setWanted(clock);
      }
      // By what is shown, not by what is asked for: records that are on their way are waited for.
      if (moment.kind === "failed" || clock >= Date.now() - PRESENT_MS) setPlaying(false);
      else frame = requestAnimationFrame(step);
    };
    frame = requestAnimationFrame(step);
    return () => cancelAnimationFrame(frame);
  }, [playing, speed, past]);

  const stop = () => {
    setPlaying(false);
    onMoment(Math.round(at));
  };
  const section = "app" as const;
  const toggle = () => (playing ? stop() : setPlaying(true));
  const nextEvent = () => {
    setPlaying(false);
    if (settle.current !== undefined) {
      clearTimeout(settle.current);
      settle.current = undefined;
      void past.goTo(wanted);
    }
    void past.step().then((next) => {
      if (next === null) return;
      setWanted(next);
      onMoment(next);
    });
  };
  useAction({ id: "play", title: strings.past.playOrPause, section, keys: "p", run: toggle });
  useAction({ id: "next-event", title: strings.past.next, section, keys: ".", run: nextEvent });
  useAction({
    id: "minute-on",
    title: strings.past.minuteOn,
    section,
    keys: "j",
    run: () => goTo(at + 60_000),
  });
  useAction({
    id: "minute-back",
    title: strings.past.minuteBack,
    section,
    keys: "k",
    run: () => goTo(at - 60_000),
  });

  return (
    <main id="ticket" tabIndex={-1} className="flex h-full flex-col bg-surface outline-none lg:border-l">
      <header className="flex min-h-12 shrink-0 flex-wrap items-center gap-x-3 gap-y-1 border-b py-1.5 pr-3 pl-3.5">
        <MenuButton onMenu={onMenu} />
        <h1 className="font-semibold text-base tracking-tight">{strings.nav.past}</h1>
        <time
          dateTime={new Date(at).toISOString()}
          className="font-medium text-base text-ink-2 tabular-nums"
          title={fullTime(new Date(at).toISOString())}
        >
          {timeToTheSecond(at)}
        </time>
        <span className="hidden text-ink-3 text-xs tabular-nums sm:inline">
          {state.kind === "ready" ? strings.past.seq(number(state.seq)) : ""}
        </span>
        <span className="flex-1" />
        <label className="flex items-center gap-2 text-ink-3 text-xs">
          <span className="sr-only">{strings.past.day}</span>
          <input
            type="date"
            value={dayText(day)}
            max={dayText(now)}
            onChange={(event) => {
              const chosen = new Date(`${event.target.value}T00:00:00`).getTime();
              if (!Number.isNaN(chosen)) goTo(chosen + (at - day));
            }}
            className="h-8 rounded-md border border-line-strong bg-surface px-2 text-ink text-sm coarse:h-10"
          />
        </label>
        <Button
          size="sm"
          onClick={() => {
            onMoment(Math.round(at));
            const address = new URL(window.location.href);
            address.searchParams.set("at", new Date(Math.round(at)).toISOString());
            void navigator.clipboard?.writeText(address.href).then(() => toast(strings.ticket.linkCopied));
          }}
        >
          <Link2 className="size-3.5" />
          {strings.past.link}
        </Button>
      </header>

      <div className="flex shrink-0 flex-wrap items-center gap-2 border-b px-3.5 py-2">
        <Button
          variant="primary"
          size="icon"
          aria-label={playing ? strings.past.pause : strings.past.play}
          onClick={toggle}
        >
          {playing ? <Pause className="size-4" /> : <Play className="size-4" />}
        </Button>
        <Button variant="ghost" size="icon" aria-label={strings.past.next} onClick={nextEvent}>
          <SkipForward className="size-4" />
        </Button>
        <div role="radiogroup" aria-label={strings.past.speed} className="flex rounded-md border p-0.5">
          {SPEEDS.map((option) => (
            // biome-ignore lint/a11y/useSemanticElements: one choice of four, drawn as a switch
            <button
              key={option}
              type="button"
              role="radio"
              aria-checked={option === speed}
              onClick={() => setSpeed(option)}
              className={clsx(
                "h-6 rounded px-2 text-xs tabular-nums coarse:h-9",
                option === speed ? "bg-press font-medium" : "text-ink-3 hover:text-ink",
              )}
            >
              {option}×
            </button>
          ))}
        </div>
        <div className="flex min-w-56 flex-1 items-center gap-3 text-2xs text-ink-3 tabular-nums">
          <span>{timeOfDay(new Date(day).toISOString())}</span>
          <input
            type="range"
            aria-label={strings.past.moment}
            aria-valuetext={timeToTheSecond(at)}
            min={day}
            max={Math.max(end, day + STEP_MS)}
            step={STEP_MS}
            value={at}
            onChange={(event) => goTo(Number(event.target.value))}
            className="h-6 min-w-0 flex-1 accent-accent"
          />
          <span>{timeOfDay(new Date(end).toISOString())}</span>
        </div>
      </div>

      {state.kind === "failed" ? (
        <Notice
          alert
          title={strings.past.failed}
          hint={refusalText(
            state.error.code,
            state.error.message,
            state.error.details,
            (id) => people.get(id)?.name ?? id,
          )}
          action={<Button onClick={() => void past.goTo(at)}>{strings.list.retry}</Button>}
        />
      ) : state.kind === "loading" ? (
        <Delayed>
          <div role="status" className="flex gap-3 p-3.5">
            <span className="sr-only">{strings.page.loading}</span>
            {[0, 1, 2, 3].map((column) => (
              <Skeleton key={column} className="h-64 flex-1" />
            ))}
          </div>
        </Delayed>
      ) : (
        <Moment moment={state} />
      )}
    </main>
  );
}

function Moment({ moment }: { moment: PastMoment }) {
  const { info } = useDesk();
  const statuses = info.statuses.filter((status) => status !== "closed");
  // biome-ignore lint/correctness/useExhaustiveDependencies: the board is one map that moves with its seq
  const columns = useMemo(() => {
    const byStatus = new Map<TicketStatus, Ticket[]>();
    for (const ticket of moment.board.values()) {
      const column = byStatus.get(ticket.status);
      if (column === undefined) byStatus.set(ticket.status, [ticket]);
      else column.push(ticket);
    }
    // Whatever moved last is on top, as it would catch the eye.
    for (const column of byStatus.values()) {
      column.sort((a, b) =>
        a.updated_at < b.updated_at ? 1 : a.updated_at > b.updated_at ? -1 : b.id - a.id,
      );
    }
    return byStatus;
  }, [moment.seq, moment.board]);
  return (
    <div className="flex min-h-0 flex-1 flex-col xl:flex-row">
      <section
        aria-label={strings.board.title}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: without it the arrows cannot reach what is cut off
        tabIndex={0}
        className="scroll-thin flex min-h-0 flex-1 gap-2.5 overflow-x-auto p-3 outline-offset-[-2px]"
      >
        {statuses.map((status) => {
          const tickets = columns.get(status) ?? [];
          return (
            <section
              key={status}
              aria-label={strings.board.column(strings.status[status], tickets.length)}
              className="flex h-full min-w-[8.8rem] flex-1 flex-col rounded-xl bg-canvas"
            >
              <h2 className="flex h-10 shrink-0 items-center gap-2 px-3 font-medium text-sm">
                <StatusIcon status={status} />
                <span className="min-w-0 truncate">{strings.status[status]}</span>
                <span className="text-ink-3 text-xs tabular-nums">{number(tickets.length)}</span>
              </h2>
              <ul
                // biome-ignore lint/a11y/noNoninteractiveTabindex: without it the arrows cannot reach what is cut off
                tabIndex={0}
                className="scroll-thin flex min-h-0 flex-1 flex-col gap-1.5 overflow-y-auto px-2 pb-2 outline-offset-[-2px]"
              >
                {tickets.slice(0, CARDS).map((ticket) => (
                  <PastCard
                    key={`${ticket.id}-${moment.changed.has(ticket.id) ? ticket.version : ""}`}
                    ticket={ticket}
                    changed={moment.changed.has(ticket.id)}
                  />
                ))}
                {tickets.length > CARDS ? (
                  <li className="py-2 text-center text-ink-3 text-xs">
                    {strings.past.more(tickets.length - CARDS)}
                  </li>
                ) : null}
              </ul>
            </section>
          );
        })}
      </section>
      <Lately records={moment.lately} />
    </div>
  );
}

function PastCard({ ticket, changed }: { ticket: Ticket; changed: boolean }) {
  const nameOf = usePersonName();
  return (
    <li
      className={clsx(
        "flex shrink-0 flex-col gap-0.5 rounded-lg border bg-raised px-2.5 py-1.5",
        changed && "animate-flash-accent",
      )}
    >
      <span className="flex items-center gap-1.5 text-2xs text-ink-3">
        <span className="tabular-nums">#{ticket.id}</span>
        <span className="min-w-0 flex-1 truncate">
          {ticket.assignee === null ? strings.list.unassigned : nameOf(ticket.assignee)}
        </span>
        {ticket.priority === "normal" ? null : (
          <PriorityIcon priority={ticket.priority} labelled className="size-3" />
        )}
      </span>
      <span className="truncate text-sm">{ticket.subject}</span>
    </li>
  );
}

function Lately({ records }: { records: readonly TicketRecord[] }) {
  const { me, info } = useDesk();
  const nameOf = usePersonName();
  return (
    <section
      aria-label={strings.past.lately}
      className="scroll-thin max-h-44 shrink-0 overflow-y-auto border-t px-4 py-3 xl:max-h-none xl:w-72 xl:border-t-0 xl:border-l"
    >
      <h2 className="pb-2 font-medium text-2xs text-ink-3">{strings.past.lately}</h2>
      {records.length === 0 ? <p className="text-ink-3 text-sm">{strings.past.nothing}</p> : null}
      <ol className="flex flex-col gap-1.5 text-ink-2 text-xs">
        {records.map((record) => (
          <li key={record.seq} className="[overflow-wrap:anywhere]">
            <time dateTime={record.at} className="text-ink-3 tabular-nums">
              {timeOfDay(record.at)}
            </time>{" "}
            <span className="text-ink-3 tabular-nums">#{record.ticket}</span>{" "}
            <span className="font-medium text-ink">
              {record.by === me.id
                ? strings.ticket.you
                : record.by === "system"
                  ? strings.ticket.system
                  : nameOf(record.by)}
            </span>{" "}
            {recordText(record, { person: nameOf, info })}
          </li>
        ))}
      </ol>
    </section>
  );
}
