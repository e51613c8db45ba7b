import clsx from "clsx";
import { Inbox } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { Redirect, useLocation } from "wouter";
import { useHistoryState } from "wouter/use-browser-location";
import { Notice } from "@/components/ui/notice";
import { useDesk } from "@/desk/desk-context";
import { useView } from "@/desk/use-live";
import { isViewId, SORTS, type Sort, type ViewId, viewSpec } from "@/desk/views";
import { TicketList } from "@/features/inbox/ticket-list";
import { TicketPane } from "@/features/ticket/ticket-pane";
import { useAction } from "@/keyboard/actions";
import { strings } from "./strings/strings";

export function InboxPage({
  view,
  ticket,
  onMenu,
}: {
  view: string;
  ticket: string | undefined;
  onMenu: () => void;
}) {
  if (!isViewId(view)) return <Redirect to="/inbox/mine" replace />;
  const id = ticket === undefined ? null : Number(ticket);
  if (id !== null && !Number.isSafeInteger(id)) return <Redirect to={`/inbox/${view}`} replace />;
  return <InboxView view={view} selected={id} onMenu={onMenu} />;
}

const SORT_KEY = "hotdesk.sort";

function storedSort(): Sort {
  const value = localStorage.getItem(SORT_KEY);
  return SORTS.find((sort) => sort === value) ?? "due";
}

function InboxView({
  view,
  selected,
  onMenu,
}: {
  view: ViewId;
  selected: number | null;
  onMenu: () => void;
}) {
  const { me, info, sync } = useDesk();
  const [, navigate] = useLocation();
  const claimed = useHistoryState<{ claimed?: string | null } | null>()?.claimed ?? null;
  const [sort, setSort] = useState(storedSort);
  const ids = useView(viewSpec(view, sort, me.id));

  // Where the selection was, so that the next key goes on from there when the ticket has left the view.
  const place = useRef(0);
  const at = selected === null ? -1 : ids.indexOf(selected);
  if (at >= 0) place.current = at;

  const go = (index: number) => {
    const id = ids[Math.max(0, Math.min(index, ids.length - 1))];
    if (id !== undefined) navigate(`/inbox/${view}/${id}`, { replace: selected !== null });
  };
  useAction({
    id: "next",
    title: strings.actions.nextTicket,
    section: "tickets",
    keys: "j",
    run: () => go(selected === null ? 0 : at >= 0 ? at + 1 : place.current),
  });
  useAction({
    id: "previous",
    title: strings.actions.previousTicket,
    section: "tickets",
    keys: "k",
    run: () => go(selected === null ? 0 : at >= 0 ? at - 1 : place.current - 1),
  });
  useAction({
    id: "open",
    title: strings.actions.openTicket,
    section: "tickets",
    keys: "o",
    run: () => {
      if (selected === null) go(0);
      else document.getElementById("ticket")?.focus();
    },
  });
  useAction(
    selected === null
      ? null
      : {
          id: "to-list",
          title: strings.actions.toList,
          section: "tickets",
          keys: "Escape",
          run: () => navigate(`/inbox/${view}`),
        },
  );

  // The neighbours' conversations are fetched ahead, so that the next key shows them at once.
  useEffect(() => {
    if (at < 0) return;
    const timer = setTimeout(() => {
      for (const neighbour of [ids[at + 1], ids[at - 1]]) {
        if (neighbour !== undefined) sync.threads.want(neighbour);
      }
    }, 250);
    return () => clearTimeout(timer);
  }, [sync, ids, at]);

  const title = view.startsWith("team-")
    ? (info.teams.find((team) => `team-${team.id}` === view)?.name ?? view.slice(5))
    : strings.views[view as keyof typeof strings.views];

  useEffect(() => {
    document.title = selected === null ? `${title} · ${info.name}` : `#${selected} · ${info.name}`;
  }, [title, selected, info.name]);

  return (
    <div className="flex h-full">
      <div
        className={clsx(
          "h-full w-full shrink-0 bg-surface md:w-[clamp(19.5rem,25vw,30rem)] lg:border-l",
          selected !== null && "hidden md:block",
        )}
      >
        <TicketList
          view={view}
          title={title}
          ids={ids}
          selected={selected}
          sort={sort}
          onSort={(next) => {
            localStorage.setItem(SORT_KEY, next);
            setSort(next);
          }}
          onMenu={onMenu}
        />
      </div>
      <main
        id="ticket"
        tabIndex={-1}
        className={clsx(
          "h-full min-w-0 flex-1 bg-surface outline-none md:border-l",
          selected === null && "hidden md:block",
        )}
      >
        {selected === null ? (
          <Notice icon={<Inbox />} title={strings.ticket.none} hint={strings.ticket.noneHint} />
        ) : (
          <TicketPane
            key={selected}
            id={selected}
            claimedBecause={claimed}
            onBack={() => navigate(`/inbox/${view}`)}
          />
        )}
      </main>
    </div>
  );
}
