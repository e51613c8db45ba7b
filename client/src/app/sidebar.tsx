import clsx from "clsx";
import {
  Activity,
  ChartNoAxesColumn,
  ChartSpline,
  Columns3,
  Gauge,
  History,
  ListOrdered,
  Search,
  SquarePen,
} from "lucide-react";
import { lazy, type ReactNode, Suspense } from "react";
import { Link, useRoute } from "wouter";
import { Button } from "@/components/ui/button";
import { Kbd } from "@/components/ui/kbd";
import { ConnectionStatus } from "@/desk/connection-status";
import { useDesk } from "@/desk/desk-context";
import { number } from "@/desk/format-time";
import { useQueue } from "@/desk/use-queue";
import { whenIdle } from "@/desk/when-idle";
import { ViewsNav } from "@/features/inbox/views-nav";
import { AccountButton } from "./account-button";
import { strings } from "./strings/strings";

const AccountMenu = lazy(() =>
  whenIdle()
    .then(() => import("./account-menu"))
    .then((m) => ({ default: m.AccountMenu })),
);

export function Sidebar({
  onNavigate,
  onClaim,
  onSearch,
  onNewTicket,
  onHelp,
}: {
  onNavigate: () => void;
  onClaim: () => void;
  onSearch: () => void;
  onNewTicket: () => void;
  onHelp: () => void;
}) {
  const { me, info } = useDesk();
  const queue = useQueue();

  return (
    <nav aria-label={strings.nav.label} className="flex h-full flex-col bg-canvas px-2.5 pt-3 pb-2">
      <div className="flex items-center gap-2.5 px-2 pb-3">
        <svg viewBox="0 0 32 32" className="size-6 shrink-0" aria-hidden="true">
          <rect width="32" height="32" rx="8" className="fill-accent" />
          <path
            d="M9 8v16M9 16h9a4 4 0 0 1 4 4v4"
            fill="none"
            className="stroke-on-accent"
            strokeWidth="3.4"
            strokeLinecap="round"
          />
          <circle cx="22" cy="9.6" r="2.6" className="fill-on-accent" />
        </svg>
        <span className="min-w-0 flex-1 truncate font-semibold text-base tracking-tight">{info.name}</span>
        <Button variant="ghost" size="icon" onClick={onSearch} aria-label={strings.nav.search}>
          <Search className="size-4" />
        </Button>
        <Button
          variant="ghost"
          size="icon"
          onClick={onNewTicket}
          title={strings.newTicket.title}
          aria-label={strings.newTicket.title}
        >
          <SquarePen className="size-4" />
        </Button>
      </div>

      <Button variant="primary" className="mb-4 w-full justify-between" onClick={onClaim}>
        {strings.actions.claimNext}
        <Kbd keys="c" />
      </Button>

      <div className="scroll-thin -mx-1 min-h-0 flex-1 overflow-y-auto px-1">
        <ViewsNav onNavigate={onNavigate} />
        <ul className="mt-3 flex flex-col gap-px">
          <PageLink
            href="/queue"
            icon={<ListOrdered className="size-4" />}
            onNavigate={onNavigate}
            title={strings.nav.queue}
          >
            {queue.data ? number(queue.data.counts.waiting) : null}
          </PageLink>
          <PageLink
            href="/board"
            icon={<Columns3 className="size-4" />}
            onNavigate={onNavigate}
            title={strings.nav.board}
          />
          <PageLink
            href="/wallboard"
            icon={<Gauge className="size-4" />}
            onNavigate={onNavigate}
            title={strings.nav.wallboard}
          />
          <PageLink
            href="/analytics"
            icon={<ChartSpline className="size-4" />}
            onNavigate={onNavigate}
            title={strings.nav.analytics}
          />
          <PageLink
            href="/reports"
            icon={<ChartNoAxesColumn className="size-4" />}
            onNavigate={onNavigate}
            title={strings.nav.reports}
          />
          <PageLink
            href="/time"
            icon={<History className="size-4" />}
            onNavigate={onNavigate}
            title={strings.nav.past}
          />
          {me.permissions.includes("settings_write") ? (
            <PageLink
              href="/operations"
              icon={<Activity className="size-4" />}
              onNavigate={onNavigate}
              title={strings.nav.operations}
            />
          ) : null}
        </ul>
      </div>

      <div className="mt-2 flex flex-col gap-1 border-t pt-2">
        <ConnectionStatus />
        <Suspense fallback={<AccountButton name={me.name} />}>
          <AccountMenu onNavigate={onNavigate} onHelp={onHelp} />
        </Suspense>
      </div>
    </nav>
  );
}

function PageLink({
  href,
  title,
  icon,
  onNavigate,
  children,
}: {
  href: string;
  title: string;
  icon: ReactNode;
  onNavigate: () => void;
  children?: ReactNode;
}) {
  const [here] = useRoute(`${href}/*?`);
  return (
    <li>
      <Link
        href={href}
        onClick={onNavigate}
        aria-current={here ? "page" : undefined}
        className={clsx(
          "flex h-7.5 items-center gap-2.5 rounded-md px-2 text-sm transition-colors coarse:h-11",
          here ? "bg-press font-medium text-ink" : "text-ink-2 hover:bg-hover",
        )}
      >
        <span className="text-ink-3">{icon}</span>
        <span className="flex-1">{title}</span>
        <span className="text-ink-3 text-xs tabular-nums">{children}</span>
      </Link>
    </li>
  );
}
