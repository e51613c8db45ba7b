import { useQuery } from "@tanstack/react-query";
import clsx from "clsx";
import { AlarmClock, Plus, Sparkles, X } from "lucide-react";
import { lazy, type ReactNode, Suspense, useState } from "react";
import { Link } from "wouter";
import { strings } from "@/app/strings/strings";
import { Avatar } from "@/components/ui/avatar";
import { Button } from "@/components/ui/button";
import { DueClock } from "@/components/ui/due-clock";
import { MenuItem, MenuRadioGroup, MenuRadioItem } from "@/components/ui/menu";
import { StatusIcon } from "@/components/ui/status-icon";
import { useDesk } from "@/desk/desk-context";
import { dateAndTime, fullTime, whenSoon } from "@/desk/format-time";
import { SNOOZES, snoozeEnd } from "@/desk/snooze";
import { useFlash, usePersonName, useThread, useTicket } from "@/desk/use-live";
import { useNow } from "@/desk/use-now";
import { useTicketActions } from "@/desk/use-ticket-actions";
import { isSnoozed } from "@/desk/views";
import type { LinkKind, Ticket } from "@/protocol/types";
import {
  AssigneeProperty,
  PriorityProperty,
  type Property,
  PropertyMenu,
  StatusProperty,
} from "./property-menus";
import { actorName, history } from "./timeline";
import { TriageCard } from "./triage-card";

const CustomFields = lazy(() => import("./custom-fields").then((m) => ({ default: m.CustomFields })));
const RequestLinks = lazy(() => import("./request-links").then((m) => ({ default: m.RequestLinks })));
const Similar = lazy(() => import("./similar").then((m) => ({ default: m.Similar })));

const NONE = "";
const HISTORY_SHOWN = 12;

export function DetailsPane({
  ticket,
  open,
  onOpen,
}: {
  ticket: Ticket;
  /** Which menu the keyboard has opened; without `onOpen` the menus mind themselves. */
  open?: Property | null;
  onOpen?: (property: Property | null) => void;
}) {
  const menu = (property: Property) => ({
    look: "row" as const,
    ...(onOpen
      ? { open: open === property, onOpenChange: (isOpen: boolean) => onOpen(isOpen ? property : null) }
      : {}),
  });
  return (
    <aside
      aria-label={strings.ticket.details}
      className="scroll-thin flex h-full flex-col overflow-y-auto px-4 pb-6"
    >
      <TriageCard ticket={ticket} />
      <Section title={strings.details.properties} first={ticket.triage === null}>
        <StatusProperty ticket={ticket} {...menu("status")} />
        <PriorityProperty ticket={ticket} {...menu("priority")} />
        <AssigneeProperty ticket={ticket} {...menu("assignee")} />
        <TeamProperty ticket={ticket} />
        <CategoryProperty ticket={ticket} />
        <SnoozeProperty ticket={ticket} />
        <Tags ticket={ticket} />
      </Section>
      <Section title={strings.details.sla}>
        <SlaClocks ticket={ticket} />
      </Section>
      <Suspense fallback={null}>
        <CustomFields ticket={ticket} />
      </Suspense>
      <Section title={strings.details.requester}>
        <Requester ticket={ticket} />
        <Suspense fallback={null}>
          <RequestLinks key={ticket.id} ticket={ticket.id} locked={ticket.status === "closed"} />
        </Suspense>
      </Section>
      <Links ticket={ticket} />
      <Section title={strings.details.similar}>
        <Suspense fallback={null}>
          <Similar ticket={ticket} />
        </Suspense>
      </Section>
      <Section title={strings.details.history}>
        <History ticket={ticket} />
      </Section>
    </aside>
  );
}

function Section({
  title,
  first = false,
  children,
}: {
  title: string;
  first?: boolean;
  children: ReactNode;
}) {
  return (
    <section className={clsx("flex flex-col py-3", !first && "border-t")}>
      <h2 className="pb-1.5 font-medium text-2xs text-ink-3">{title}</h2>
      {children}
    </section>
  );
}

function TeamProperty({ ticket }: { ticket: Ticket }) {
  const { info } = useDesk();
  const actions = useTicketActions();
  return (
    <ChoiceProperty
      ticket={ticket}
      field="team"
      label={strings.details.team}
      value={ticket.team}
      options={info.teams}
      onChoose={(team) => actions.update(ticket.id, { team })}
    />
  );
}

function CategoryProperty({ ticket }: { ticket: Ticket }) {
  const { info } = useDesk();
  const actions = useTicketActions();
  return (
    <ChoiceProperty
      ticket={ticket}
      field="category"
      label={strings.details.category}
      value={ticket.category}
      options={info.categories}
      onChoose={(category) => actions.update(ticket.id, { category })}
    />
  );
}

function ChoiceProperty({
  ticket,
  field,
  label,
  value,
  options,
  onChoose,
}: {
  ticket: Ticket;
  field: string;
  label: string;
  value: string | null;
  options: { id: string; name: string }[];
  onChoose: (value: string | null) => void;
}) {
  const name = value === null ? null : (options.find((option) => option.id === value)?.name ?? value);
  return (
    <PropertyMenu
      look="row"
      ticket={ticket.id}
      field={field}
      label={label}
      disabled={ticket.status === "closed"}
      value={
        <span className={clsx("truncate", name === null && "text-ink-3")}>
          {name ?? strings.details.none}
        </span>
      }
    >
      <MenuRadioGroup
        value={value ?? NONE}
        onValueChange={(chosen) => {
          if (chosen !== (value ?? NONE)) onChoose(chosen === NONE ? null : chosen);
        }}
      >
        <MenuRadioItem value={NONE}>{strings.details.none}</MenuRadioItem>
        {options.map((option) => (
          <MenuRadioItem key={option.id} value={option.id}>
            {option.name}
          </MenuRadioItem>
        ))}
      </MenuRadioGroup>
    </PropertyMenu>
  );
}

function SnoozeProperty({ ticket }: { ticket: Ticket }) {
  const actions = useTicketActions();
  const now = useNow("quarter-minute");
  const snoozed = isSnoozed(ticket, now);
  return (
    <PropertyMenu
      look="row"
      ticket={ticket.id}
      field="snoozed_until"
      label={strings.details.snooze}
      disabled={ticket.status === "closed"}
      value={
        snoozed && ticket.snoozed_until !== null ? (
          <span className="flex items-center gap-1.5">
            <AlarmClock className="size-3.5 text-ink-3" />
            {whenSoon(ticket.snoozed_until, now)}
          </span>
        ) : (
          <span className="text-ink-3">{strings.details.none}</span>
        )
      }
    >
      {snoozed ? (
        <MenuItem onSelect={() => actions.update(ticket.id, { snoozed_until: null })}>
          {strings.details.wake}
        </MenuItem>
      ) : null}
      {SNOOZES.map((snooze) => (
        <MenuItem
          key={snooze}
          onSelect={() =>
            actions.update(ticket.id, { snoozed_until: snoozeEnd(snooze, new Date()).toISOString() })
          }
        >
          {strings.details.snoozes[snooze]}
        </MenuItem>
      ))}
    </PropertyMenu>
  );
}

function Tags({ ticket }: { ticket: Ticket }) {
  const actions = useTicketActions();
  const flash = useFlash(ticket.id, "tags");
  const [adding, setAdding] = useState(false);
  const locked = ticket.status === "closed";
  return (
    <div className="flex min-h-8 items-start gap-2 pt-1.5">
      <span className="w-20 shrink-0 pt-0.5 text-ink-3 text-xs">{strings.details.tags}</span>
      <ul
        key={flash?.turn ?? 0}
        className={clsx(
          "flex min-w-0 flex-1 flex-wrap gap-1 rounded",
          flash?.kind === "refused" && "animate-flash-danger",
          flash?.kind === "changed" && "animate-flash-accent",
        )}
      >
        {ticket.tags.map((tag) => (
          <li
            key={tag}
            className="group inline-flex h-5.5 max-w-full items-center gap-0.5 rounded-md bg-press pr-1 pl-1.5 text-xs"
          >
            <span className="truncate">{tag}</span>
            {locked ? null : (
              <button
                type="button"
                aria-label={strings.details.removeTag(tag)}
                className="rounded text-ink-3 hover:text-ink"
                onClick={() =>
                  actions.update(ticket.id, { tags: ticket.tags.filter((other) => other !== tag) })
                }
              >
                <X className="size-3" />
              </button>
            )}
          </li>
        ))}
        {locked ? null : (
          <li>
            {adding ? (
              <input
                // biome-ignore lint/a11y/noAutofocus: the user has just asked for this box
                autoFocus
                aria-label={strings.details.addTag}
                className="h-5.5 w-24 rounded-md border border-line-strong bg-surface px-1.5 text-xs"
                onBlur={() => setAdding(false)}
                onKeyDown={(event) => {
                  if (event.key === "Escape") {
                    event.stopPropagation();
                    setAdding(false);
                  }
                  if (event.key !== "Enter") return;
                  const tag = event.currentTarget.value.trim().toLowerCase();
                  if (tag !== "" && !ticket.tags.includes(tag)) {
                    actions.update(ticket.id, { tags: [...ticket.tags, tag].sort() });
                  }
                  setAdding(false);
                }}
              />
            ) : (
              <button
                type="button"
                aria-label={strings.details.addTag}
                onClick={() => setAdding(true)}
                className="inline-flex h-5.5 items-center rounded-md px-1 text-ink-3 hover:bg-hover hover:text-ink coarse:size-9 coarse:justify-center"
              >
                <Plus className="size-3.5" />
              </button>
            )}
          </li>
        )}
      </ul>
    </div>
  );
}

const METRICS = ["first_response_due", "next_response_due", "resolution_due"] as const;

function SlaClocks({ ticket }: { ticket: Ticket }) {
  const { sla } = ticket;
  const running = METRICS.filter((metric) => sla[metric] !== null && sla[metric] !== undefined);
  return (
    <>
      {running.map((metric) => {
        const due = sla[metric];
        if (due === null || due === undefined) return null;
        return (
          <div key={metric} className="flex h-7 items-center justify-between gap-2" title={fullTime(due)}>
            <span className="text-ink-2 text-sm">{strings.details.metric[metric]}</span>
            <DueClock due={Date.parse(due)} />
          </div>
        );
      })}
      {ticket.first_responded_at !== null && sla.first_response_due === null ? (
        <div className="flex h-7 items-center justify-between gap-2">
          <span className="text-ink-2 text-sm">{strings.details.metric.first_response_due}</span>
          <span className="text-good text-sm" title={fullTime(ticket.first_responded_at)}>
            {strings.details.met}
          </span>
        </div>
      ) : null}
      {sla.paused ? <p className="text-ink-3 text-xs">{strings.details.slaPaused}</p> : null}
      {sla.breached ? <p className="text-danger text-xs">{strings.details.breached}</p> : null}
      {running.length === 0 && !sla.paused && ticket.first_responded_at === null ? (
        <p className="text-ink-3 text-sm">{strings.details.noSla}</p>
      ) : null}
    </>
  );
}

const OTHERS_SHOWN = 5;

function Requester({ ticket }: { ticket: Ticket }) {
  const { sync } = useDesk();
  const now = useNow("quarter-minute");
  const { email } = ticket.requester;
  const others = sync.tickets.find(
    (other) => other.id !== ticket.id && other.requester.email === email,
    OTHERS_SHOWN,
  );
  return (
    <>
      <div className="flex items-center gap-2.5 py-1">
        <Avatar name={ticket.requester.name || email} />
        <div className="min-w-0">
          <p className="truncate text-sm">{ticket.requester.name}</p>
          <p className="truncate text-ink-3 text-xs">{email}</p>
        </div>
      </div>
      <p className="pt-1 text-ink-3 text-xs">
        {strings.details.channel} {strings.channel[ticket.channel]} · {dateAndTime(ticket.created_at, now)}
      </p>
      {others.length > 0 ? (
        <>
          <p className="pt-2 pb-1 text-ink-3 text-xs">{strings.details.otherTickets}</p>
          <ul className="flex flex-col">
            {others.map((other) => (
              <li key={other.id}>
                <TicketLink id={other.id} />
              </li>
            ))}
          </ul>
        </>
      ) : null}
    </>
  );
}

function TicketLink({ id, kind, onRemove }: { id: number; kind?: string; onRemove?: () => void }) {
  const { api, sync } = useDesk();
  const here = useTicket(id);
  // A closed ticket is not on the board; its name is asked for once.
  const elsewhere = useQuery({
    queryKey: ["ticket", id],
    queryFn: async () => {
      const found = await api.ticket(id);
      sync.tickets.keep(found);
      return found;
    },
    enabled: here === undefined,
  });
  const ticket = here ?? elsewhere.data;
  const link = (
    <Link
      href={`/tickets/${id}`}
      className="-mx-2 flex h-7 min-w-0 flex-1 items-center gap-2 rounded-md px-2 text-sm hover:bg-hover coarse:h-11"
    >
      {ticket ? <StatusIcon status={ticket.status} labelled /> : null}
      {kind ? <span className="shrink-0 text-ink-3 text-xs">{kind}</span> : null}
      <span className="text-ink-3 tabular-nums">#{id}</span>
      <span className="min-w-0 truncate">{ticket?.subject ?? ""}</span>
    </Link>
  );
  if (onRemove === undefined) return link;
  return (
    <div className="group flex items-center">
      {link}
      <Button
        variant="ghost"
        size="icon"
        className="ml-2 opacity-0 focus-visible:opacity-100 group-hover:opacity-100 coarse:opacity-100"
        aria-label={strings.relate.unlink(id)}
        onClick={onRemove}
      >
        <X className="size-3.5" />
      </Button>
    </div>
  );
}

function Links({ ticket }: { ticket: Ticket }) {
  const { sync } = useDesk();
  const actions = useTicketActions();
  const links: { to: number; kind: keyof typeof strings.details.link }[] = [...ticket.links];
  for (const later of sync.tickets.find((other) => other.follow_up_of === ticket.id, OTHERS_SHOWN)) {
    links.push({ to: later.id, kind: "followed_by" });
  }
  if (ticket.follow_up_of !== null) links.push({ to: ticket.follow_up_of, kind: "follow_up" });
  if (ticket.merged_into !== null) links.push({ to: ticket.merged_into, kind: "merged_into" });
  if (links.length === 0) return null;
  return (
    <Section title={strings.details.links}>
      {links.map((link) => (
        <TicketLink
          key={`${link.kind}-${link.to}`}
          id={link.to}
          kind={strings.details.link[link.kind] ?? link.kind}
          {...(ticket.status === "closed" || !isRemovable(link.kind)
            ? {}
            : { onRemove: () => actions.unlink(ticket.id, link.to, link.kind as LinkKind) })}
        />
      ))}
    </Section>
  );
}

/** What merging and following up wrote is not ours to take away. */
function isRemovable(kind: string): boolean {
  return kind !== "merged_from" && kind !== "merged_into" && kind !== "follow_up" && kind !== "followed_by";
}

function History({ ticket }: { ticket: Ticket }) {
  const { info, me } = useDesk();
  const thread = useThread(ticket.id);
  const nameOf = usePersonName();
  const now = useNow("quarter-minute");
  const [all, setAll] = useState(false);
  if (thread.kind !== "ready") return null;
  const happened = history(thread.records, { person: nameOf, info });
  if (happened.length === 0) return <p className="text-ink-3 text-sm">{strings.details.noHistory}</p>;
  const shown = all ? happened : happened.filter((event) => !event.quiet).slice(0, HISTORY_SHOWN);
  return (
    <>
      <ol className="flex flex-col gap-2 text-ink-2 text-xs">
        {shown.map((event) => (
          <li key={event.key} className="[overflow-wrap:anywhere]">
            <p>
              {event.machine ? (
                <Sparkles
                  className="mr-1 inline size-3 align-[-1px] text-accent"
                  aria-label={strings.triage.machine}
                />
              ) : null}
              <span className="font-medium text-ink">{actorName(event.by, me.id, nameOf)}</span> {event.what}
            </p>
            <time dateTime={event.at} title={fullTime(event.at)} className="text-2xs text-ink-3 tabular-nums">
              {dateAndTime(event.at, now)}
            </time>
          </li>
        ))}
      </ol>
      {shown.length < happened.length ? (
        <Button variant="ghost" size="sm" className="-ml-2.5 mt-1 self-start" onClick={() => setAll(true)}>
          {strings.details.allHistory(happened.length)}
        </Button>
      ) : null}
    </>
  );
}
