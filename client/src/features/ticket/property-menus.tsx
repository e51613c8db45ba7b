import clsx from "clsx";
import { ChevronDown } from "lucide-react";
import type { ReactNode } from "react";
import { strings } from "@/app/strings/strings";
import { Avatar } from "@/components/ui/avatar";
import { Menu, MenuContent, MenuRadioGroup, MenuRadioItem, MenuTrigger } from "@/components/ui/menu";
import { PriorityIcon } from "@/components/ui/priority-icon";
import { StatusIcon } from "@/components/ui/status-icon";
import { useDesk } from "@/desk/desk-context";
import { isAssignable, mayRelease } from "@/desk/team-sight";
import { useFlash, usePersonName } from "@/desk/use-live";
import { useTicketActions } from "@/desk/use-ticket-actions";
import type { Priority, Ticket, TicketStatus } from "@/protocol/types";

export type Property = "status" | "priority" | "assignee";

interface PropertyProps {
  ticket: Ticket;
  open?: boolean;
  onOpenChange?: (open: boolean) => void;
  /** In a row of the details pane, or a chip above the conversation. */
  look: "row" | "chip";
}

const NOBODY = "";

export function StatusProperty({ ticket, ...rest }: PropertyProps) {
  const { info } = useDesk();
  const actions = useTicketActions();
  // The server's own table says where a ticket may go from here.
  const targets = info.statuses.filter(
    (status) => status === ticket.status || info.moves[ticket.status]?.includes(status),
  );
  return (
    <PropertyMenu
      {...rest}
      ticket={ticket.id}
      field="status"
      label={strings.details.status}
      disabled={ticket.status === "closed"}
      value={
        <>
          <StatusIcon status={ticket.status} />
          {strings.status[ticket.status]}
        </>
      }
    >
      <MenuRadioGroup
        value={ticket.status}
        onValueChange={(value) => {
          if (value !== ticket.status) actions.update(ticket.id, { status: value as TicketStatus });
        }}
      >
        {targets.map((status) => (
          <MenuRadioItem key={status} value={status} icon={<StatusIcon status={status} />}>
            {strings.status[status]}
          </MenuRadioItem>
        ))}
      </MenuRadioGroup>
    </PropertyMenu>
  );
}

export function PriorityProperty({ ticket, ...rest }: PropertyProps) {
  const { info } = useDesk();
  const actions = useTicketActions();
  return (
    <PropertyMenu
      {...rest}
      ticket={ticket.id}
      field="priority"
      label={strings.details.priority}
      disabled={ticket.status === "closed"}
      value={
        <>
          <PriorityIcon priority={ticket.priority} />
          {strings.priority[ticket.priority]}
        </>
      }
    >
      <MenuRadioGroup
        value={ticket.priority}
        onValueChange={(value) => {
          if (value !== ticket.priority) actions.update(ticket.id, { priority: value as Priority });
        }}
      >
        {info.priorities.toReversed().map((priority) => (
          <MenuRadioItem key={priority} value={priority} icon={<PriorityIcon priority={priority} />}>
            {strings.priority[priority]}
          </MenuRadioItem>
        ))}
      </MenuRadioGroup>
    </PropertyMenu>
  );
}

export function AssigneeProperty({ ticket, ...rest }: PropertyProps) {
  const { me, info, people } = useDesk();
  const nameOf = usePersonName();
  const actions = useTicketActions();
  const others = [...people.values()]
    .filter((person) => person.id !== me.id && isAssignable(person, ticket.team, info))
    .sort((a, b) => a.name.localeCompare(b.name));
  return (
    <PropertyMenu
      {...rest}
      ticket={ticket.id}
      field="assignee"
      label={strings.details.assignee}
      disabled={ticket.status === "closed"}
      value={
        ticket.assignee === null ? (
          <>
            <span className="size-4.5 rounded-full border border-line-strong border-dashed" />
            <span className="text-ink-3">{strings.details.nobody}</span>
          </>
        ) : (
          <>
            <Avatar name={nameOf(ticket.assignee)} size="xs" me={ticket.assignee === me.id} />
            <span className="truncate">{nameOf(ticket.assignee)}</span>
          </>
        )
      }
    >
      <MenuRadioGroup
        value={ticket.assignee ?? NOBODY}
        onValueChange={(value) => {
          if (value !== (ticket.assignee ?? NOBODY)) {
            actions.update(ticket.id, { assignee: value === NOBODY ? null : value });
          }
        }}
      >
        <MenuRadioItem value={me.id} icon={<Avatar name={me.name} size="xs" me />}>
          {me.name}
        </MenuRadioItem>
        <MenuRadioItem
          value={NOBODY}
          disabled={!mayRelease(ticket, me)}
          icon={<span className="size-4.5 rounded-full border border-line-strong border-dashed" />}
        >
          {strings.details.nobody}
        </MenuRadioItem>
        {others.map((person) => (
          <MenuRadioItem key={person.id} value={person.id} icon={<Avatar name={person.name} size="xs" />}>
            {person.name}
          </MenuRadioItem>
        ))}
      </MenuRadioGroup>
    </PropertyMenu>
  );
}

/** One field that can be changed in place. It flashes when a change of ours was taken back, or a colleague was here. */
export function PropertyMenu({
  ticket,
  field,
  label,
  value,
  look,
  open,
  onOpenChange,
  disabled = false,
  children,
}: {
  ticket: number;
  field: string;
  label: string;
  value: ReactNode;
  look: "row" | "chip";
  open?: boolean;
  onOpenChange?: (open: boolean) => void;
  disabled?: boolean;
  children: ReactNode;
}) {
  const flash = useFlash(ticket, field);
  const controlled = open === undefined ? {} : { open };
  return (
    <Menu {...controlled} {...(onOpenChange ? { onOpenChange } : {})}>
      <MenuTrigger asChild disabled={disabled}>
        <button
          type="button"
          data-field={field}
          data-flash={flash?.kind}
          className={clsx(
            "group relative flex min-w-0 items-center gap-2 rounded-md text-left text-sm transition-colors enabled:hover:bg-hover data-[state=open]:bg-hover",
            look === "row" ? "-mx-2 h-8 px-2 coarse:h-11" : "h-7 border px-2 coarse:h-9",
          )}
        >
          {look === "row" ? (
            <span className="w-20 shrink-0 text-ink-3 text-xs">{label}</span>
          ) : (
            <span className="sr-only">{label}</span>
          )}
          <span
            key={flash?.turn ?? 0}
            className={clsx(
              "-mx-1 flex min-w-0 flex-1 items-center gap-2 rounded px-1",
              flash?.kind === "refused" && "animate-flash-danger",
              flash?.kind === "changed" && "animate-flash-accent",
            )}
          >
            {value}
          </span>
          {look === "row" && !disabled ? (
            <ChevronDown className="absolute right-1.5 size-3.5 text-ink-3 opacity-0 group-hover:opacity-100 group-focus-visible:opacity-100" />
          ) : null}
        </button>
      </MenuTrigger>
      <MenuContent
        align="start"
        // The keyboard goes on with the ticket, not with the button.
        onCloseAutoFocus={(event) => {
          event.preventDefault();
          document.getElementById("ticket")?.focus();
        }}
      >
        {children}
      </MenuContent>
    </Menu>
  );
}
