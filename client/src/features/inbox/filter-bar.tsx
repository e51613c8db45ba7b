import { ListFilter, X } from "lucide-react";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import { Menu, MenuCheckItem, MenuContent, MenuSub, MenuTrigger } from "@/components/ui/menu";
import { PriorityIcon } from "@/components/ui/priority-icon";
import { StatusIcon } from "@/components/ui/status-icon";
import { useDesk } from "@/desk/desk-context";
import { FILTER_FIELDS, type FilterField, type Filters, hasFilters, NOBODY, toggled } from "@/desk/filters";
import { usePersonName } from "@/desk/use-live";
import type { Priority, TicketStatus } from "@/protocol/types";

const TAGS_OFFERED = 40;

/** The filters of a list as chips, and what could be added. They are the contract's own and live in the address. */
export function FilterBar({
  filters,
  onChange,
  onSave,
}: {
  filters: Filters;
  onChange: (filters: Filters) => void;
  /** Keeps these filters under a name, where that makes sense. */
  onSave?: (() => void) | undefined;
}) {
  const nameOf = useFilterNames();
  return (
    <fieldset
      aria-label={strings.filters.label}
      className="flex shrink-0 flex-wrap items-center gap-1.5 border-b px-3.5 py-1.5"
    >
      {FILTER_FIELDS.flatMap((field) =>
        (filters[field] ?? []).map((value) => (
          <span
            key={`${field}-${value}`}
            className="inline-flex h-6 max-w-full items-center gap-1 rounded-md bg-accent-soft pr-0.5 pl-2 text-xs coarse:h-9"
          >
            <span className="text-ink-3">{strings.filters.fields[field]}</span>
            <span className="truncate font-medium">{nameOf(field, value)}</span>
            <button
              type="button"
              aria-label={strings.filters.remove(`${strings.filters.fields[field]} ${nameOf(field, value)}`)}
              onClick={() => onChange(toggled(filters, field, value))}
              className="flex size-5 items-center justify-center rounded text-ink-3 hover:bg-press hover:text-ink coarse:size-8"
            >
              <X className="size-3" />
            </button>
          </span>
        )),
      )}
      <AddFilter filters={filters} onChange={onChange} />
      {hasFilters(filters) ? (
        <>
          <Button variant="ghost" size="sm" className="h-6 px-1.5" onClick={() => onChange({})}>
            {strings.filters.clear}
          </Button>
          {onSave ? (
            <Button variant="ghost" size="sm" className="h-6 px-1.5" onClick={onSave}>
              {strings.filters.save}
            </Button>
          ) : null}
        </>
      ) : null}
    </fieldset>
  );
}

/** What could be added; as a sign alone where there is little room. */
export function AddFilter({
  filters,
  onChange,
  sign = false,
}: {
  filters: Filters;
  onChange: (filters: Filters) => void;
  sign?: boolean;
}) {
  const options = useOptions();
  return (
    <Menu>
      <MenuTrigger asChild>
        {sign ? (
          <Button variant="ghost" size="icon" aria-label={strings.filters.add} title={strings.filters.add}>
            <ListFilter className="size-4" />
          </Button>
        ) : (
          <Button variant="ghost" size="sm" className="h-6 px-1.5 text-ink-3">
            <ListFilter className="size-3.5" />
            {strings.filters.add}
          </Button>
        )}
      </MenuTrigger>
      <MenuContent align={sign ? "end" : "start"}>
        {FILTER_FIELDS.filter((field) => field !== "requester").map((field) => (
          <MenuSub key={field} label={strings.filters.fields[field]} disabled={options[field].length === 0}>
            {options[field].map(({ value, name, icon }) => (
              <MenuCheckItem
                key={value}
                checked={filters[field]?.includes(value) ?? false}
                onCheckedChange={() => onChange(toggled(filters, field, value))}
                // Several values are one choice; the menu stays until it is made.
                onSelect={(event) => event.preventDefault()}
              >
                {icon}
                {name}
              </MenuCheckItem>
            ))}
          </MenuSub>
        ))}
      </MenuContent>
    </Menu>
  );
}

interface Option {
  value: string;
  name: string;
  icon?: React.ReactNode;
}

function useOptions(): Record<FilterField, Option[]> {
  const { info, me, people, sync } = useDesk();
  const tags = new Map<string, number>();
  sync.tickets.find((ticket) => {
    for (const tag of ticket.tags) tags.set(tag, (tags.get(tag) ?? 0) + 1);
    return false;
  }, 1);
  return {
    status: info.statuses.map((value) => ({
      value,
      name: strings.status[value],
      icon: <StatusIcon status={value} />,
    })),
    priority: info.priorities.toReversed().map((value) => ({
      value,
      name: strings.priority[value],
      icon: <PriorityIcon priority={value} />,
    })),
    assignee: [
      { value: me.id, name: `${me.name} (${strings.details.me})` },
      { value: NOBODY, name: strings.filters.nobody },
      ...[...people.values()]
        .filter((person) => person.active && person.id !== me.id)
        .map(({ id, name }) => ({ value: id, name })),
    ],
    team: info.teams.map(({ id, name }) => ({ value: id, name })),
    category: info.categories.map(({ id, name }) => ({ value: id, name })),
    tag: [...tags]
      .sort((a, b) => b[1] - a[1])
      .slice(0, TAGS_OFFERED)
      .map(([value]) => ({ value, name: value })),
    requester: [],
  };
}

function useFilterNames(): (field: FilterField, value: string) => string {
  const { info } = useDesk();
  const nameOf = usePersonName();
  return (field, value) => {
    switch (field) {
      case "status":
        return strings.status[value as TicketStatus] ?? value;
      case "priority":
        return strings.priority[value as Priority] ?? value;
      case "assignee":
        return value === NOBODY ? strings.filters.nobody : nameOf(value);
      case "team":
        return info.teams.find((team) => team.id === value)?.name ?? value;
      case "category":
        return info.categories.find((category) => category.id === value)?.name ?? value;
      default:
        return value;
    }
  };
}
