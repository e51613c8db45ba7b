import clsx from "clsx";
import { Inbox } from "lucide-react";
import { lazy, type ReactNode, Suspense, useEffect, useRef, useState } from "react";
import { useLocation } from "wouter";
import { useHistoryState } from "wouter/use-browser-location";
import { Delayed } from "@/components/ui/delayed";
import { Notice } from "@/components/ui/notice";
import { useDesk } from "@/desk/desk-context";
import { onceDrawn } from "@/desk/once-drawn";
import { Selection } from "@/desk/selection";
import { useAction } from "@/keyboard/actions";
import { strings } from "./strings/strings";

const TicketPane = lazy(() =>
  import("@/features/ticket/ticket-pane").then((m) => ({ default: m.TicketPane })),
);

/** A list at the left and the chosen ticket at the right, with the keys that move through both. */
export function TicketBrowser({
  ids,
  selected,
  hrefOf,
  scope,
  list,
}: {
  ids: readonly number[];
  selected: number | null;
  hrefOf: (id: number | null) => string;
  /** Marks belong to one list; another scope begins without any. */
  scope: string;
  list: (selection: Selection) => ReactNode;
}) {
  const { sync, unread } = useDesk();
  const [, navigate] = useLocation();
  const claimed = useHistoryState<{ claimed?: string | null } | null>()?.claimed ?? null;
  const [selection] = useState(() => new Selection());
  // biome-ignore lint/correctness/useExhaustiveDependencies: only another list lets the marks go
  useEffect(() => selection.clear(), [selection, scope]);

  // Where the selection was, so that the next key goes on from there when the ticket has left the list.
  const place = useRef(0);
  const at = selected === null ? -1 : ids.indexOf(selected);
  if (at >= 0) place.current = at;

  const go = (index: number): number | undefined => {
    const id = ids[Math.max(0, Math.min(index, ids.length - 1))];
    if (id !== undefined) navigate(hrefOf(id), { replace: selected !== null });
    return id;
  };
  const section = "tickets" as const;
  const down = () => go(selected === null ? 0 : at >= 0 ? at + 1 : place.current);
  const up = () => go(selected === null ? 0 : at >= 0 ? at - 1 : place.current - 1);
  useAction({ id: "next", title: strings.actions.nextTicket, section, keys: "j", run: down });
  useAction({ id: "previous", title: strings.actions.previousTicket, section, keys: "k", run: up });
  useAction({
    id: "open",
    title: strings.actions.openTicket,
    section,
    keys: "o",
    run: () => {
      if (selected === null) go(0);
      else document.getElementById("ticket")?.focus();
    },
  });
  useAction({
    id: "mark",
    title: strings.bulk.toggle,
    section,
    keys: "x",
    run: () => {
      const id = selected ?? go(0);
      if (id !== undefined) selection.toggle(id);
    },
  });
  const extend = (step: () => number | undefined) => {
    if (selected !== null) selection.extend(selected, ids);
    const id = step();
    if (id !== undefined) selection.extend(id, ids);
  };
  useAction({ id: "mark-down", title: strings.bulk.extendDown, section, keys: "J", run: () => extend(down) });
  useAction({ id: "mark-up", title: strings.bulk.extendUp, section, keys: "K", run: () => extend(up) });
  useAction({
    id: "mark-all",
    title: strings.bulk.all,
    section,
    keys: "mod+a",
    run: () => selection.all(ids),
  });
  useAction(
    selected === null
      ? null
      : {
          id: "to-list",
          title: strings.actions.toList,
          section,
          keys: "Escape",
          run: () => {
            navigate(hrefOf(null));
            // The focus stays with the ticket, now in its row.
            onceDrawn(() => document.querySelector<HTMLElement>(`a[data-ticket="${selected}"]`)?.focus());
          },
        },
  );
  useAction(
    selected === null
      ? null
      : {
          id: "unread",
          title: strings.list.markUnread,
          section: "ticket",
          keys: "u",
          run: () => {
            unread.forget(selected);
            navigate(hrefOf(null));
          },
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

  return (
    <main className="flex h-full">
      <div
        className={clsx(
          "h-full w-full shrink-0 bg-surface md:w-[clamp(19.5rem,25vw,30rem)] lg:border-l",
          selected !== null && "hidden md:block",
        )}
      >
        {list(selection)}
      </div>
      <section
        id="ticket"
        aria-label={strings.ticket.label}
        tabIndex={-1}
        className={clsx(
          "h-full min-w-0 flex-1 bg-surface outline-none md:border-l",
          selected === null && "hidden md:block",
        )}
      >
        {selected === null ? (
          <Notice icon={<Inbox />} title={strings.ticket.none} hint={strings.ticket.noneHint} />
        ) : (
          <Suspense
            fallback={
              <Delayed>
                <p role="status" className="sr-only">
                  {strings.page.loading}
                </p>
              </Delayed>
            }
          >
            <TicketPane
              key={selected}
              id={selected}
              claimedBecause={claimed}
              onBack={() => navigate(hrefOf(null))}
            />
          </Suspense>
        )}
      </section>
    </main>
  );
}
