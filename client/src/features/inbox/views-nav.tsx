import clsx from "clsx";
import {
  AlarmClock,
  AtSign,
  Bookmark,
  BookmarkCheck,
  CircleDashed,
  CircleUser,
  Inbox,
  Layers,
} from "lucide-react";
import type { ReactNode } from "react";
import { Link, useRoute } from "wouter";
import { strings } from "@/app/strings/strings";
import { StatusIcon } from "@/components/ui/status-icon";
import { useDesk } from "@/desk/desk-context";
import { parseFilters } from "@/desk/filters";
import { number } from "@/desk/format-time";
import { useSavedViews, useViewCount } from "@/desk/use-live";
import { type BaseView, FIXED_VIEWS, type FixedView, isBaseView, type ViewId, viewSpec } from "@/desk/views";

const ICONS: Record<FixedView, ReactNode> = {
  mine: <CircleUser className="size-4 text-ink-3" />,
  unassigned: <CircleDashed className="size-4 text-ink-3" />,
  mentions: <AtSign className="size-4 text-ink-3" />,
  open: <Inbox className="size-4 text-ink-3" />,
  pending: <StatusIcon status="pending" />,
  "on-hold": <StatusIcon status="on_hold" />,
  snoozed: <AlarmClock className="size-4 text-ink-3" />,
  solved: <StatusIcon status="solved" />,
};

export function ViewsNav({ onNavigate }: { onNavigate: () => void }) {
  const { info } = useDesk();
  const saved = useSavedViews();
  return (
    <>
      <ul className="flex flex-col gap-px">
        {FIXED_VIEWS.map((view) => (
          <ViewLink
            key={view}
            view={view}
            base={view}
            title={strings.views[view]}
            icon={ICONS[view]}
            onNavigate={onNavigate}
          />
        ))}
      </ul>
      {info.teams.length > 0 ? (
        <>
          <h2 className="px-2 pt-4 pb-1 font-medium text-2xs text-ink-3">{strings.nav.teams}</h2>
          <ul className="flex flex-col gap-px">
            {info.teams.map((team) => (
              <ViewLink
                key={team.id}
                view={`team-${team.id}`}
                base={`team-${team.id}`}
                title={team.name}
                icon={<Layers className="size-4 text-ink-3" />}
                onNavigate={onNavigate}
              />
            ))}
          </ul>
        </>
      ) : null}
      {saved.length > 0 ? (
        <>
          <h2 className="px-2 pt-4 pb-1 font-medium text-2xs text-ink-3">{strings.filters.saved}</h2>
          <ul className="flex flex-col gap-px">
            {saved.map((own) =>
              isBaseView(own.base) ? (
                <ViewLink
                  key={own.id}
                  view={`saved-${own.id}`}
                  base={own.base}
                  search={own.search}
                  title={own.name}
                  icon={
                    own.shared === undefined ? (
                      <Bookmark className="size-4 text-ink-3" />
                    ) : (
                      <BookmarkCheck className="size-4 text-ink-3" />
                    )
                  }
                  onNavigate={onNavigate}
                />
              ) : null,
            )}
          </ul>
        </>
      ) : null}
    </>
  );
}

function ViewLink({
  view,
  base,
  search = "",
  title,
  icon,
  onNavigate,
}: {
  view: ViewId;
  base: BaseView;
  search?: string;
  title: string;
  icon: ReactNode;
  onNavigate: () => void;
}) {
  const { me } = useDesk();
  const count = useViewCount(viewSpec(base, "due", me.id, parseFilters(search)));
  const [, params] = useRoute("/inbox/:view/:ticket?");
  const here = params?.view === view;
  return (
    <li>
      <Link
        href={`/inbox/${view}`}
        onClick={onNavigate}
        aria-current={here ? "page" : undefined}
        className={clsx(
          "flex h-7.5 items-center gap-2.5 rounded-md px-2 text-sm transition-colors coarse:h-11",
          here ? "bg-press font-medium text-ink" : "text-ink-2 hover:bg-hover",
        )}
      >
        <span className="flex w-4 justify-center">{icon}</span>
        <span className="min-w-0 flex-1 truncate">{title}</span>
        <span className={clsx("text-xs tabular-nums", here ? "text-ink-2" : "text-ink-3")}>
          {count > 0 ? number(count) : ""}
        </span>
      </Link>
    </li>
  );
}
