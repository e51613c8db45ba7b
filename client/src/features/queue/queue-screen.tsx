import clsx from "clsx";
import { Link } from "wouter";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import { Delayed } from "@/components/ui/delayed";
import { DueClock } from "@/components/ui/due-clock";
import { Kbd } from "@/components/ui/kbd";
import { Notice } from "@/components/ui/notice";
import { PriorityIcon } from "@/components/ui/priority-icon";
import { Skeleton } from "@/components/ui/skeleton";
import { useDesk } from "@/desk/desk-context";
import { fullTime, number, span } from "@/desk/format-time";
import { MenuButton } from "@/desk/menu-button";
import { rankText } from "@/desk/rank-text";
import { useNow } from "@/desk/use-now";
import { useQueue } from "@/desk/use-queue";
import type { Priority, QueueRow, QueueView } from "@/protocol/types";

/** The queue as it will be handed out, and why. */
export function QueueScreen({ onMenu, onClaim }: { onMenu: () => void; onClaim: () => void }) {
  const queue = useQueue();
  return (
    <main id="ticket" tabIndex={-1} className="flex h-full flex-col bg-surface outline-none lg:border-l">
      <header className="flex h-12 shrink-0 items-center gap-2 border-b pr-3 pl-3.5 md:pl-6">
        <MenuButton onMenu={onMenu} />
        <h1 className="font-semibold text-base tracking-tight">{strings.queue.title}</h1>
        <p className="hidden min-w-0 flex-1 truncate text-ink-3 text-sm md:block">{strings.queue.intro}</p>
        <span className="flex-1 md:hidden" />
        <Button variant="primary" size="sm" onClick={onClaim}>
          {strings.queue.claim}
          <Kbd keys="c" />
        </Button>
      </header>
      {queue.data ? (
        <Loaded queue={queue.data} />
      ) : queue.error ? (
        <Notice
          alert
          title={strings.queue.failed}
          hint={strings.problems.unreachable}
          action={<Button onClick={() => void queue.refetch()}>{strings.list.retry}</Button>}
        />
      ) : (
        <Delayed>
          <div role="status" className="flex flex-col gap-4 p-6">
            <span className="sr-only">{strings.page.loading}</span>
            {[0, 1, 2, 3, 4, 5].map((row) => (
              <Skeleton key={row} className="h-9 w-full" />
            ))}
          </div>
        </Delayed>
      )}
    </main>
  );
}

function Loaded({ queue }: { queue: QueueView }) {
  const { info } = useDesk();
  const { counts } = queue;
  const teamName = (id: string) =>
    info.teams.find((team) => team.id === id)?.name ??
    (id === "" || id === "none" ? strings.queue.noTeam : id);
  return (
    <div className="scroll-thin min-h-0 flex-1 overflow-y-auto">
      <dl className="flex flex-wrap gap-x-10 gap-y-4 border-b px-4 py-5 md:px-6">
        <Figure label={strings.queue.waiting} value={counts.waiting} large />
        <Figure label={strings.queue.lent} value={counts.lent} large />
        <Figure label={strings.queue.snoozed} value={counts.snoozed} large />
        <div>
          <dt className="pb-1 text-ink-3 text-xs">{strings.queue.byPriority}</dt>
          <dd className="flex gap-4">
            {info.priorities.toReversed().map((priority) => (
              <span key={priority} className="inline-flex items-center gap-1.5 text-sm tabular-nums">
                <PriorityIcon priority={priority} labelled />
                {number(counts.by_priority[priority] ?? 0)}
              </span>
            ))}
          </dd>
        </div>
        {Object.keys(counts.by_team).length > 0 ? (
          <div>
            <dt className="pb-1 text-ink-3 text-xs">{strings.queue.byTeam}</dt>
            <dd className="flex flex-wrap gap-x-4 text-sm tabular-nums">
              {Object.entries(counts.by_team).map(([team, count]) => (
                <span key={team}>
                  <span className="text-ink-2">{teamName(team)}</span> {number(count ?? 0)}
                </span>
              ))}
            </dd>
          </div>
        ) : null}
      </dl>
      {queue.data.length === 0 ? (
        <Notice title={strings.queue.empty} hint={strings.queue.emptyHint} />
      ) : (
        <ol aria-label={strings.queue.title}>
          {queue.data.map((row) => (
            <Row key={row.ticket.id} row={row} />
          ))}
        </ol>
      )}
    </div>
  );
}

function Figure({ label, value, large = false }: { label: string; value: number; large?: boolean }) {
  return (
    <div>
      <dt className="pb-0.5 text-ink-3 text-xs">{label}</dt>
      <dd className={clsx("tabular-nums", large && "font-semibold text-xl tracking-tight")}>
        {number(value)}
      </dd>
    </div>
  );
}

function Row({ row }: { row: QueueRow }) {
  const now = useNow("quarter-minute");
  const { ticket, reason } = row;
  return (
    <li className="border-b">
      <Link
        href={`/tickets/${ticket.id}`}
        className="grid grid-cols-[1.5rem_1rem_minmax(0,1fr)_auto] items-center gap-x-3 px-4 py-2.5 outline-offset-[-2px] hover:bg-hover md:grid-cols-[2rem_1rem_minmax(0,1.2fr)_minmax(0,1fr)_7rem] md:px-6"
      >
        <span className="text-right text-ink-3 text-sm tabular-nums">{reason.rank}</span>
        <PriorityIcon priority={reason.effective_priority as Priority} labelled />
        {/* On a phone the subject has a line of its own. */}
        <span className="contents min-w-0 md:block">
          <span className="col-span-2 col-start-3 row-start-1 block truncate font-medium text-sm">
            {ticket.subject}
          </span>
          <span className="col-start-3 row-start-2 block truncate text-ink-3 text-xs">
            #{ticket.id} · {ticket.requester.name}
          </span>
        </span>
        <span className="col-span-2 col-start-3 row-start-3 min-w-0 text-ink-2 text-xs md:col-span-1 md:col-start-4 md:row-start-1 md:text-sm">
          {rankText(reason)}
        </span>
        <span className="col-start-4 row-start-2 flex flex-row-reverse items-center justify-end gap-2 md:col-start-5 md:row-start-1 md:flex-col md:items-end md:gap-0">
          {reason.next_due === null ? null : <DueClock due={Date.parse(reason.next_due)} compact />}
          <span className="text-2xs text-ink-3 tabular-nums" title={fullTime(reason.waiting_since)}>
            {strings.queue.waits(span(now - Date.parse(reason.waiting_since)))}
          </span>
        </span>
      </Link>
    </li>
  );
}
