import clsx from "clsx";
import { Check, CopyCheck, Pencil, ShieldAlert, Siren, Sparkles, X } from "lucide-react";
import { type ReactNode, useState } from "react";
import { Link } from "wouter";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import { Kbd } from "@/components/ui/kbd";
import { Menu, MenuContent, MenuRadioGroup, MenuRadioItem, MenuTrigger } from "@/components/ui/menu";
import { PriorityIcon } from "@/components/ui/priority-icon";
import { Tooltip } from "@/components/ui/tooltip";
import { useDesk } from "@/desk/desk-context";
import { languageName, percent } from "@/desk/format-time";
import { isOpen, openFields, proposedText, proposes, TRIAGE_FIELDS } from "@/desk/triage";
import { useTicketActions } from "@/desk/use-ticket-actions";
import { useAction } from "@/keyboard/actions";
import type { Priority, Ticket, Triage, TriageField } from "@/protocol/types";

/** One key each: all, field by field, another value, none. */
const KEYS: Record<TriageField, string> = { category: "1", priority: "2", tags: "3" };
const ACCEPT = "y";
const EDIT = "i";
const REJECT = "d";

/** What the machine proposes for a ticket, to be taken, changed or refused; and what it found out beside. */
export function TriageCard({ ticket }: { ticket: Ticket }) {
  const { triage } = ticket;
  if (triage === null) return null;
  return <Card ticket={ticket} triage={triage} />;
}

function Card({ ticket, triage }: { ticket: Ticket; triage: Triage }) {
  const actions = useTicketActions();
  const [editing, setEditing] = useState<TriageField | null>(null);
  const locked = ticket.status === "closed";
  const open = locked ? [] : openFields(triage);
  const any = open.length > 0;
  const section = "ticket" as const;

  useAction(
    any
      ? {
          id: "triage-accept",
          title: strings.triage.acceptAll,
          section,
          keys: ACCEPT,
          words: "ai proposal",
          run: () => actions.acceptTriage(ticket.id, open),
        }
      : null,
  );
  useAction(
    any
      ? {
          id: "triage-reject",
          title: strings.triage.rejectAll,
          section,
          keys: REJECT,
          words: "ai proposal dismiss",
          run: () => actions.rejectTriage(ticket.id, open),
        }
      : null,
  );
  const editable = open.find((field) => field !== "tags");
  useAction(
    editable === undefined
      ? null
      : {
          id: "triage-edit",
          title: strings.triage.edit,
          section,
          keys: EDIT,
          words: "ai proposal change",
          run: () => setEditing(editable),
        },
  );

  return (
    <section aria-label={strings.triage.title} className="flex flex-col gap-2 py-3">
      <header className="flex items-center gap-1.5">
        <Sparkles className="size-3.5 text-accent" aria-hidden="true" />
        <h2 className="flex-1 font-medium text-2xs text-ink-3">
          {strings.triage.states[triage.state]}
          {triage.source === null ? null : ` · ${strings.triage.sources[triage.source]}`}
        </h2>
      </header>
      {triage.summary ? <p className="text-ink-2 text-sm">{triage.summary}</p> : null}
      {triage.state === "untriaged" || (triage.reason !== undefined && !any) ? (
        <p className="text-ink-3 text-xs">{reasonText(triage.reason)}</p>
      ) : null}
      <Signs triage={triage} />
      {TRIAGE_FIELDS.some((field) => proposes(triage, field)) ? (
        <ul className="flex flex-col">
          {TRIAGE_FIELDS.filter((field) => proposes(triage, field)).map((field) => (
            <Proposal
              key={field}
              ticket={ticket}
              triage={triage}
              field={field}
              locked={locked}
              editing={editing === field}
              onEditing={(on) => setEditing(on ? field : null)}
            />
          ))}
        </ul>
      ) : null}
      {any ? (
        <div className="flex gap-1.5">
          <Button
            size="sm"
            variant="primary"
            className="flex-1"
            onClick={() => actions.acceptTriage(ticket.id, open)}
          >
            {strings.triage.accept}
            <Kbd keys={ACCEPT} />
          </Button>
          <Button size="sm" onClick={() => actions.rejectTriage(ticket.id, open)}>
            {strings.triage.reject}
            <Kbd keys={REJECT} />
          </Button>
        </div>
      ) : null}
    </section>
  );
}

function reasonText(reason: string | undefined): string {
  if (reason === undefined) return strings.triage.reasons.unsure ?? "";
  return strings.triage.reasons[reason] ?? reason;
}

function Proposal({
  ticket,
  triage,
  field,
  locked,
  editing,
  onEditing,
}: {
  ticket: Ticket;
  triage: Triage;
  field: TriageField;
  locked: boolean;
  editing: boolean;
  onEditing: (on: boolean) => void;
}) {
  const { info } = useDesk();
  const actions = useTicketActions();
  const open = !locked && isOpen(triage, field);
  const applied = triage.applied?.[field] !== undefined;
  const decision = triage.decided?.[field];
  const text = proposedText(triage, field, info) ?? "";
  const confidence = field === "tags" ? null : (triage[field]?.confidence ?? null);
  const name = strings.details[field];
  const title = `${strings.triage.accept}: ${name} ${text}`;
  useAction(
    open
      ? {
          id: `triage-accept-${field}`,
          title,
          section: "ticket",
          keys: KEYS[field],
          words: "ai proposal",
          run: () => actions.acceptTriage(ticket.id, [field]),
        }
      : null,
  );
  return (
    <li className="flex min-h-8 items-end gap-2 py-1">
      <span className="flex min-w-0 flex-1 flex-col gap-0.5">
        <span className="flex items-center gap-2 text-ink-3 text-xs">
          {name}
          {confidence === null ? null : <Confidence value={confidence} />}
        </span>
        <span
          className={clsx(
            "flex min-w-0 items-center gap-1.5 text-sm",
            decision === "rejected" && "text-ink-3 line-through",
          )}
        >
          {field === "priority" && triage.priority !== null ? (
            <PriorityIcon priority={triage.priority.value} />
          ) : null}
          <span className="line-clamp-2" title={text}>
            {text}
          </span>
        </span>
        {applied && decision === undefined ? (
          <span className="text-2xs text-ink-3">{strings.triage.applied}</span>
        ) : decision === undefined ? null : (
          <span className="text-2xs text-ink-3">{strings.triage.decisions[decision]}</span>
        )}
      </span>
      {open ? (
        <span className="-mr-1.5 flex shrink-0">
          <Tooltip label={`${strings.triage.accept} (${KEYS[field]})`}>
            <Button
              variant="ghost"
              size="icon"
              aria-label={title}
              onClick={() => actions.acceptTriage(ticket.id, [field])}
            >
              <Check className="size-3.5 text-good" />
            </Button>
          </Tooltip>
          {field === "tags" ? null : (
            <EditMenu ticket={ticket} field={field} open={editing} onOpenChange={onEditing} />
          )}
          <Tooltip label={strings.triage.reject}>
            <Button
              variant="ghost"
              size="icon"
              aria-label={`${strings.triage.reject}: ${name} ${text}`}
              onClick={() => actions.rejectTriage(ticket.id, [field])}
            >
              <X className="size-3.5" />
            </Button>
          </Tooltip>
        </span>
      ) : null}
    </li>
  );
}

/** How sure the machine is: a figure to read and a bar to see. */
function Confidence({ value }: { value: number }) {
  return (
    <span className="inline-flex shrink-0 items-center gap-1 text-2xs text-ink-3 tabular-nums">
      <span className="h-1 w-7 overflow-hidden rounded-full bg-press" aria-hidden="true">
        <span className="block h-full bg-accent" style={{ width: `${Math.round(value * 100)}%` }} />
      </span>
      {percent(value)}
    </span>
  );
}

function EditMenu({
  ticket,
  field,
  open,
  onOpenChange,
}: {
  ticket: Ticket;
  field: "category" | "priority";
  open: boolean;
  onOpenChange: (open: boolean) => void;
}) {
  const { info } = useDesk();
  const actions = useTicketActions();
  const options: { value: string; name: string; icon?: ReactNode }[] =
    field === "category"
      ? info.categories.map(({ id, name }) => ({ value: id, name }))
      : [...info.priorities].reverse().map((value) => ({
          value,
          name: strings.priority[value],
          icon: <PriorityIcon priority={value} />,
        }));
  return (
    <Menu open={open} onOpenChange={onOpenChange}>
      <MenuTrigger asChild>
        <Button variant="ghost" size="icon" aria-label={`${strings.triage.edit}: ${strings.details[field]}`}>
          <Pencil className="size-3.5" />
        </Button>
      </MenuTrigger>
      <MenuContent align="end">
        <MenuRadioGroup
          value={
            (field === "category" ? ticket.triage?.category?.value : ticket.triage?.priority?.value) ?? ""
          }
          onValueChange={(value) =>
            actions.acceptTriage(
              ticket.id,
              [field],
              field === "category" ? { category: value } : { priority: value as Priority },
            )
          }
        >
          {options.map((option) => (
            <MenuRadioItem key={option.value} value={option.value} icon={option.icon}>
              {option.name}
            </MenuRadioItem>
          ))}
        </MenuRadioGroup>
      </MenuContent>
    </Menu>
  );
}

/** What was found out that nobody has to decide on. */
function Signs({ triage }: { triage: Triage }) {
  const { sentiment, language, spam, duplicate_of: duplicate, incident } = triage;
  const isSpam = spam?.value === true;
  if (sentiment === null && language === null && !isSpam && duplicate === null && incident === undefined)
    return null;
  return (
    <ul className="flex flex-wrap gap-1.5 text-xs">
      {sentiment === null ? null : (
        <Sign>
          {strings.triage.sentiments[sentiment.value]} {percent(sentiment.confidence)}
        </Sign>
      )}
      {language === null ? null : (
        <Sign>
          {languageName(language.value)} {percent(language.confidence)}
        </Sign>
      )}
      {isSpam ? (
        <Sign alert>
          <ShieldAlert className="size-3.5" aria-hidden="true" />
          {strings.triage.spam} {percent(spam.confidence)}
        </Sign>
      ) : null}
      {duplicate === null ? null : (
        <Sign>
          <CopyCheck className="size-3.5" aria-hidden="true" />
          <Link href={`/tickets/${duplicate}`} className="underline underline-offset-2">
            {strings.triage.duplicate(duplicate)}
          </Link>
        </Sign>
      )}
      {incident === undefined ? null : (
        <Sign alert>
          <Siren className="size-3.5" aria-hidden="true" />
          <Link href={`/tickets/${incident.lead}`} className="underline underline-offset-2">
            {strings.triage.incident(incident.tickets, incident.lead)}
          </Link>
        </Sign>
      )}
    </ul>
  );
}

function Sign({ alert = false, children }: { alert?: boolean; children: ReactNode }) {
  return (
    <li
      className={clsx(
        "inline-flex min-h-5.5 items-center gap-1 rounded-md px-1.5 tabular-nums",
        alert ? "bg-warn-soft text-warn" : "bg-hover text-ink-2",
      )}
    >
      {children}
    </li>
  );
}
