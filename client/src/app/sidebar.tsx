import clsx from "clsx";
import {
  CircleHelp,
  Columns3,
  Ellipsis,
  Gauge,
  History,
  ListOrdered,
  LogOut,
  Monitor,
  Moon,
  Search,
  Settings,
  SquarePen,
  Sun,
} from "lucide-react";
import { type ReactNode, useSyncExternalStore } from "react";
import { Link, useLocation, useRoute } from "wouter";
import { Avatar } from "@/components/ui/avatar";
import { Button } from "@/components/ui/button";
import { Kbd } from "@/components/ui/kbd";
import {
  Menu,
  MenuContent,
  MenuItem,
  MenuLabel,
  MenuRadioGroup,
  MenuRadioItem,
  MenuSeparator,
  MenuTrigger,
} from "@/components/ui/menu";
import { Tooltip } from "@/components/ui/tooltip";
import { ConnectionStatus } from "@/desk/connection-status";
import { useDesk } from "@/desk/desk-context";
import { number } from "@/desk/format-time";
import { setTheme, THEMES, type Theme, theme } from "@/desk/theme";
import { useQueue } from "@/desk/use-queue";
import { ViewsNav } from "@/features/inbox/views-nav";
import { strings } from "./strings/strings";

const THEME_ICONS: Record<Theme, typeof Sun> = { system: Monitor, light: Sun, dark: Moon };

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
  const { me, info, signOut } = useDesk();
  const chosen = useSyncExternalStore(theme.subscribe, theme.get);
  const queue = useQueue();
  const [, navigate] = useLocation();

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
        <Tooltip label={strings.newTicket.title} keys="N">
          <Button variant="ghost" size="icon" onClick={onNewTicket} aria-label={strings.newTicket.title}>
            <SquarePen className="size-4" />
          </Button>
        </Tooltip>
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
            href="/time"
            icon={<History className="size-4" />}
            onNavigate={onNavigate}
            title={strings.nav.past}
          />
        </ul>
      </div>

      <div className="mt-2 flex flex-col gap-1 border-t pt-2">
        <ConnectionStatus />
        <Menu>
          <MenuTrigger asChild>
            <button
              type="button"
              className="flex h-9 items-center gap-2.5 rounded-md px-2 text-left text-sm hover:bg-hover coarse:h-12"
            >
              <Avatar name={me.name} me />
              <span className="min-w-0 flex-1 truncate">{me.name}</span>
              <span className="sr-only">{strings.nav.menu}</span>
              <Ellipsis className="size-4 text-ink-3" />
            </button>
          </MenuTrigger>
          <MenuContent side="top" align="start" className="min-w-52">
            <MenuLabel>{strings.nav.theme}</MenuLabel>
            <MenuRadioGroup value={chosen} onValueChange={(value) => setTheme(value as Theme)}>
              {THEMES.map((option) => {
                const Icon = THEME_ICONS[option];
                return (
                  <MenuRadioItem key={option} value={option} icon={<Icon className="size-4 text-ink-3" />}>
                    {strings.nav.themes[option]}
                  </MenuRadioItem>
                );
              })}
            </MenuRadioGroup>
            <MenuSeparator />
            <MenuItem
              icon={<Settings className="size-4" />}
              onSelect={() => {
                onNavigate();
                navigate("/settings/profile");
              }}
            >
              {strings.nav.settings}
            </MenuItem>
            <MenuItem icon={<CircleHelp className="size-4" />} keys="?" onSelect={onHelp}>
              {strings.nav.help}
            </MenuItem>
            <MenuItem icon={<LogOut className="size-4" />} onSelect={signOut}>
              {strings.nav.signOut}
            </MenuItem>
          </MenuContent>
        </Menu>
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
