import clsx from "clsx";
import {
  ArrowLeft,
  Check,
  Ellipsis,
  Hand,
  Link2,
  Merge,
  PanelRight,
  RotateCcw,
  SkipForward,
  Undo2,
  Waypoints,
  X,
} from "lucide-react";
import { lazy, Suspense, useEffect, useLayoutEffect, useRef, useState } from "react";
import { Link } from "wouter";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Kbd } from "@/components/ui/kbd";
import { Menu, MenuContent, MenuItem, MenuSeparator, MenuTrigger } from "@/components/ui/menu";
import { Notice } from "@/components/ui/notice";
import { Tooltip } from "@/components/ui/tooltip";
import { ConnectionStatus } from "@/desk/connection-status";
import { useDesk } from "@/desk/desk-context";
import { whenSoon } from "@/desk/format-time";
import type { Macro } from "@/desk/macros";
import { PresenceDots } from "@/desk/presence-dots";
import { SNOOZES, type Snooze, snoozeEnd } from "@/desk/snooze";
import { toast } from "@/desk/toast";
import { useCollection, useThread, useTicket } from "@/desk/use-live";
import { useNow } from "@/desk/use-now";
import { useTicketActions } from "@/desk/use-ticket-actions";
import { isSnoozed } from "@/desk/views";
import { HoldKeys, useAction } from "@/keyboard/actions";
import type { Ticket } from "@/protocol/types";
import { Composer, type ComposerHandle } from "./composer";
import { ConflictNotice } from "./conflict-notice";
import { DetailsPane } from "./details-pane";
import { AssigneeProperty, PriorityProperty, type Property, StatusProperty } from "./property-menus";
import type { Relation } from "./relate-dialog";
import { Thread } from "./thread";

const RelateDialog = lazy(() => import("./relate-dialog").then((m) => ({ default: m.RelateDialog })));

/** Who only passes by with J and K is not announced as looking. */
const SETTLED_MS = 200;
const DETAILS_INLINE_PX = 700;

export interface TicketPaneProps {
  id: number;
  /** Why the queue handed this ticket out just now. */
  claimedBecause: string | null;
  onBack: () => void;
  /** Where the pane lies over something else. */
  onClose?: () => void;
}

export function TicketPane(props: TicketPaneProps) {
  const { sync } = useDesk();
  const { id } = props;
  const ticket = useTicket(id);
  const thread = useThread(id);

  useEffect(() => {
    sync.threads.want(id);
    let close = () => {};
    const timer = setTimeout(() => {
      close = sync.openTicket(id);
      sync.presenceOf.look(id);
    }, SETTLED_MS);
    return () => {
      clearTimeout(timer);
      sync.presenceOf.leave(id);
      close();
    };
  }, [sync, id]);

  if (ticket === undefined) {
    if (thread.kind === "failed") {
      const missing = thread.error.status === 404 || thread.error.status === 403;
      return (
        <Notice
          alert
          title={missing ? strings.ticket.notFound : strings.ticket.threadFailed}
          action={
            missing ? (
              <Button onClick={props.onBack}>{strings.ticket.back}</Button>
            ) : (
              <Button onClick={() => sync.threads.want(id)}>{strings.list.retry}</Button>
            )
          }
        />
      );
    }
    return null;
  }
  return <OpenTicket {...props} ticket={ticket} />;
}

/** Each macro by its name in the palette. */
function MacroActions({ onInsert }: { onInsert: (macro: Macro) => void }) {
  const { macros } = useDesk();
  const all = useCollection(macros);
  return all.map((macro) => <MacroAction key={macro.id} macro={macro} onInsert={onInsert} />);
}

/** When it may come back, and that it comes back now, by name in the palette. */
function SnoozeActions({ ticket, snoozed }: { ticket: number; snoozed: boolean }) {
  const actions = useTicketActions();
  useAction(
    snoozed
      ? {
          id: "wake",
          title: strings.details.wake,
          section: "ticket",
          words: "snooze wake",
          run: () => actions.update(ticket, { snoozed_until: null }),
        }
      : null,
  );
  return SNOOZES.map((snooze) => <SnoozeAction key={snooze} ticket={ticket} snooze={snooze} />);
}

function SnoozeAction({ ticket, snooze }: { ticket: number; snooze: Snooze }) {
  const actions = useTicketActions();
  useAction({
    id: `snooze-${snooze}`,
    title: `${strings.details.snooze}: ${strings.details.snoozes[snooze]}`,
    section: "ticket",
    words: "snooze later remind sleep",
    run: () => actions.update(ticket, { snoozed_until: snoozeEnd(snooze, new Date()).toISOString() }),
  });
  return null;
}

function MacroAction({ macro, onInsert }: { macro: Macro; onInsert: (macro: Macro) => void }) {
  useAction({
    id: `macro-${macro.id}`,
    title: strings.macros.insertNamed(macro.name),
    section: "ticket",
    words: "macro template canned",
    run: () => onInsert(macro),
  });
  return null;
}

/** What is on the screen while somebody looks at it has been read. */
function useRead(ticket: Ticket): void {
  const { unread } = useDesk();
  const { id, last_message_at: said, created_at: created } = ticket;
  useEffect(() => {
    const read = () => {
      if (document.visibilityState === "visible") unread.saw(id, said ?? created);
    };
    const timer = setTimeout(read, SETTLED_MS);
    document.addEventListener("visibilitychange", read);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", read);
    };
  }, [unread, id, said, created]);
}

function OpenTicket({ ticket, claimedBecause, onBack, onClose }: TicketPaneProps & { ticket: Ticket }) {
  const { me, info } = useDesk();
  useRead(ticket);
  const actions = useTicketActions();
  const composer = useRef<ComposerHandle>(null);
  const pane = useRef<HTMLDivElement>(null);
  const wide = useWiderThan(pane, DETAILS_INLINE_PX);
  const [property, setProperty] = useState<Property | null>(null);
  const [sheet, setSheet] = useState(false);
  const [relation, setRelation] = useState<Relation | null>(null);
  const [reasonShown, setReasonShown] = useState(true);
  const now = useNow("quarter-minute");

  const closed = ticket.status === "closed";
  const mine = ticket.assignee === me.id;
  const done = ticket.status === "solved" || closed;
  const canSolve = info.moves[ticket.status]?.includes("solved") ?? false;

  const solve = () => {
    if (canSolve) actions.update(ticket.id, { status: "solved" });
  };
  const section = "ticket" as const;
  useAction(
    closed
      ? null
      : {
          id: "reply",
          title: strings.actions.reply,
          section,
          keys: "r",
          run: () => composer.current?.begin("public"),
        },
  );
  useAction(
    closed
      ? null
      : {
          id: "note",
          title: strings.actions.note,
          section,
          keys: "n",
          run: () => composer.current?.begin("internal"),
        },
  );
  useAction(
    // Who sorts tickets drafts answers too; a desk without triage has neither.
    closed || ticket.triage === null
      ? null
      : {
          id: "draft",
          title: strings.triage.draft,
          section,
          keys: "w",
          words: "ai suggest answer",
          run: () => composer.current?.draft(),
        },
  );
  useAction(canSolve ? { id: "solve", title: strings.actions.solve, section, keys: "e", run: solve } : null);
  useAction(
    closed
      ? null
      : {
          id: "assign",
          title: strings.actions.assign,
          section,
          keys: "a",
          words: "owner give",
          run: () => setProperty("assignee"),
        },
  );
  useAction(
    closed
      ? null
      : {
          id: "priority",
          title: strings.actions.priorityMenu,
          section,
          keys: "p",
          run: () => setProperty("priority"),
        },
  );
  useAction(
    closed
      ? null
      : {
          id: "status",
          title: strings.actions.statusMenu,
          section,
          keys: "s",
          run: () => setProperty("status"),
        },
  );
  useAction(
    mine || done
      ? null
      : { id: "take", title: strings.ticket.take, section, keys: "t", run: () => actions.claim(ticket.id) },
  );
  useAction(
    mine && !closed
      ? { id: "release", title: strings.ticket.release, section, run: () => actions.release(ticket.id) }
      : null,
  );
  useAction(
    done ? null : { id: "skip", title: strings.ticket.skip, section, run: () => actions.skip(ticket.id) },
  );

  useAction(
    closed
      ? null
      : {
          id: "merge",
          title: strings.relate.merge,
          section,
          keys: "m",
          words: "duplicate join",
          run: () => setRelation("merge"),
        },
  );
  useAction(
    closed
      ? null
      : { id: "link", title: strings.relate.link, section, keys: "l", run: () => setRelation("link") },
  );

  const menu = (name: Property) => ({
    look: "chip" as const,
    open: property === name,
    onOpenChange: (open: boolean) => setProperty(open ? name : null),
  });

  return (
    <div ref={pane} className="@container flex h-full">
      <div className="flex h-full min-w-0 flex-1 flex-col">
        <header className="shrink-0 border-b">
          <div className="flex h-12 items-center gap-1.5 pr-2 pl-2 md:pl-4 @2xl:pl-6">
            <Button
              variant="ghost"
              size="icon"
              className="md:hidden"
              onClick={onBack}
              aria-label={strings.ticket.back}
            >
              <ArrowLeft className="size-4" />
            </Button>
            <span className="mr-1.5 text-ink-3 text-sm tabular-nums">#{ticket.id}</span>
            <PresenceDots ticket={ticket.id} size="sm" worded />
            <span className="flex-1" />
            <span className="md:hidden">
              <ConnectionStatus inHeader />
            </span>
            {mine || done ? null : (
              <Button
                size="sm"
                variant={ticket.assignee === null ? "primary" : "secondary"}
                onClick={() => actions.claim(ticket.id)}
              >
                <Hand className="size-3.5" />
                {strings.ticket.take}
                <Kbd keys="t" className="hidden @lg:inline-flex" />
              </Button>
            )}
            {canSolve ? (
              <Button size="sm" onClick={solve}>
                <Check className="size-3.5" />
                {strings.ticket.solve}
                <Kbd keys="e" className="hidden @lg:inline-flex" />
              </Button>
            ) : ticket.status === "solved" ? (
              <Button size="sm" onClick={() => actions.update(ticket.id, { status: "open" })}>
                <RotateCcw className="size-3.5" />
                {strings.ticket.reopen}
              </Button>
            ) : null}
            {wide ? null : (
              <Tooltip label={strings.ticket.details}>
                <Button
                  variant="ghost"
                  size="icon"
                  aria-label={strings.ticket.details}
                  onClick={() => setSheet(true)}
                >
                  <PanelRight className="size-4" />
                </Button>
              </Tooltip>
            )}
            <Menu>
              <MenuTrigger asChild>
                <Button variant="ghost" size="icon" aria-label={strings.ticket.more}>
                  <Ellipsis className="size-4" />
                </Button>
              </MenuTrigger>
              <MenuContent align="end">
                {mine && !closed ? (
                  <MenuItem icon={<Undo2 className="size-4" />} onSelect={() => actions.release(ticket.id)}>
                    {strings.ticket.release}
                  </MenuItem>
                ) : null}
                {done ? null : (
                  <MenuItem
                    icon={<SkipForward className="size-4" />}
                    onSelect={() => actions.skip(ticket.id)}
                  >
                    {strings.ticket.skip}
                  </MenuItem>
                )}
                {closed ? null : (
                  <>
                    <MenuSeparator />
                    <MenuItem
                      icon={<Merge className="size-4" />}
                      keys="m"
                      onSelect={() => setRelation("merge")}
                    >
                      {strings.relate.merge}
                    </MenuItem>
                    <MenuItem
                      icon={<Waypoints className="size-4" />}
                      keys="l"
                      onSelect={() => setRelation("link")}
                    >
                      {strings.relate.link}
                    </MenuItem>
                    <MenuSeparator />
                  </>
                )}
                <MenuItem
                  icon={<Link2 className="size-4" />}
                  onSelect={() => {
                    const address = new URL(`/tickets/${ticket.id}`, window.location.href).href;
                    // Only secure contexts have a clipboard; the address bar always has the link.
                    void navigator.clipboard?.writeText(address).then(() => toast(strings.ticket.linkCopied));
                  }}
                >
                  {strings.ticket.copyLink}
                </MenuItem>
              </MenuContent>
            </Menu>
            {onClose ? (
              <Button
                variant="ghost"
                size="icon"
                className="hidden md:inline-flex"
                aria-label={strings.nav.close}
                onClick={onClose}
              >
                <X className="size-4" />
              </Button>
            ) : null}
          </div>
          <div className="mx-auto flex max-w-[54rem] flex-col gap-2 px-4 pb-3 @2xl:px-6">
            <h1 className="line-clamp-3 font-semibold text-lg tracking-tight [overflow-wrap:anywhere]">
              {ticket.subject}
            </h1>
            {wide ? null : (
              <div className="flex flex-wrap gap-1.5">
                <StatusProperty ticket={ticket} {...menu("status")} />
                <PriorityProperty ticket={ticket} {...menu("priority")} />
                <AssigneeProperty ticket={ticket} {...menu("assignee")} />
              </div>
            )}
            {ticket.snoozed_until !== null && isSnoozed(ticket, now) ? (
              <p className="text-ink-3 text-xs">
                {strings.ticket.snoozedUntil(whenSoon(ticket.snoozed_until, now))}
              </p>
            ) : null}
            {ticket.merged_into === null ? null : (
              <p className="text-ink-2 text-sm">
                <Link
                  href={`/tickets/${ticket.merged_into}`}
                  className="text-accent underline underline-offset-2"
                >
                  {strings.ticket.mergedInto(ticket.merged_into)}
                </Link>
              </p>
            )}
          </div>
          <ConflictNotice ticket={ticket.id} />
          {claimedBecause !== null && reasonShown && !done ? (
            <div className="flex animate-fade items-center gap-2 border-t bg-accent-soft px-4 py-1.5 text-sm @2xl:px-6">
              <p className="min-w-0 flex-1">
                <span className="font-semibold">{strings.ticket.claimedBecause}:</span> {claimedBecause}
              </p>
              <Button
                variant="ghost"
                size="icon"
                aria-label={strings.nav.close}
                onClick={() => setReasonShown(false)}
              >
                <X className="size-3.5" />
              </Button>
            </div>
          ) : null}
        </header>
        <Thread ticket={ticket} />
        <Composer ref={composer} ticket={ticket} />
        {closed ? null : <SnoozeActions ticket={ticket.id} snoozed={isSnoozed(ticket, now)} />}
        {closed ? null : <MacroActions onInsert={(macro) => composer.current?.insert(macro)} />}
      </div>
      {wide ? (
        <div className={clsx("w-[clamp(15.5rem,26%,21rem)] shrink-0 border-l")}>
          <DetailsPane ticket={ticket} open={property} onOpen={setProperty} />
        </div>
      ) : (
        <Dialog open={sheet} onOpenChange={setSheet} title={strings.ticket.details} place="right">
          <DetailsPane ticket={ticket} />
        </Dialog>
      )}
      <Suspense fallback={<HoldKeys />}>
        {relation === null ? null : (
          <RelateDialog ticket={ticket} relation={relation} onClose={() => setRelation(null)} />
        )}
      </Suspense>
    </div>
  );
}

function useWiderThan(element: React.RefObject<HTMLElement>, px: number): boolean {
  const [wider, setWider] = useState(false);
  useLayoutEffect(() => {
    const box = element.current;
    if (box === null) return;
    setWider(box.clientWidth >= px);
    const observer = new ResizeObserver(() => setWider(box.clientWidth >= px));
    observer.observe(box);
    return () => observer.disconnect();
  }, [element, px]);
  return wider;
}
