import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import { strings } from "@/app/strings/strings";
import { Select } from "@/components/ui/select";
import { useDesk } from "@/desk/desk-context";
import { useTicketActions } from "@/desk/use-ticket-actions";
import type { CustomField, Ticket } from "@/protocol/types";

const STALE_MS = 5 * 60_000;

/** The desk's own fields, to be changed in place, and whatever else came with the ticket, to be read. */
export function CustomFields({ ticket }: { ticket: Ticket }) {
  const { api } = useDesk();
  const settings = useQuery({
    queryKey: ["settings"],
    queryFn: () => api.settings(),
    staleTime: STALE_MS,
  });
  const fields = settings.data?.settings.custom_fields ?? [];
  const known = new Set(fields.map((field) => field.id));
  const others = Object.entries(ticket.custom).filter(([name]) => !known.has(name));
  if (fields.length === 0 && others.length === 0) return null;
  return (
    <section className="flex flex-col border-t py-3">
      <h2 className="pb-1.5 font-medium text-2xs text-ink-3">{strings.details.custom}</h2>
      {fields.map((field) => (
        <Field key={`${field.id}-${JSON.stringify(ticket.custom[field.id])}`} ticket={ticket} field={field} />
      ))}
      {others.map(([name, value]) => (
        <div key={name} className="flex min-h-8 items-center gap-2 text-sm">
          <span
            className="line-clamp-2 w-20 shrink-0 text-ink-3 text-xs [overflow-wrap:anywhere]"
            title={name}
          >
            {name}
          </span>
          <span className="min-w-0 flex-1 py-1 [overflow-wrap:anywhere]">{shown(value)}</span>
        </div>
      ))}
    </section>
  );
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

const INPUT =
  "-ml-1.5 h-7 min-w-0 flex-1 rounded-md border border-transparent bg-transparent px-1.5 text-sm hover:border-line-strong focus:border-line-strong disabled:hover:border-transparent coarse:h-11";

function Field({ ticket, field }: { ticket: Ticket; field: CustomField }) {
  const actions = useTicketActions();
  const id = useId();
  const value = ticket.custom[field.id];
  const [text, setText] = useState(value === undefined || value === null ? "" : shown(value));
  const locked = ticket.status === "closed";
  const set = (next: unknown) => {
    const { [field.id]: _, ...others } = ticket.custom;
    actions.update(ticket.id, { custom: next === null ? others : { ...others, [field.id]: next } });
  };
  const keep = () => {
    const wanted = text.trim();
    if (wanted === (value === undefined || value === null ? "" : shown(value))) return;
    if (wanted === "") set(null);
    else if (field.kind !== "number") set(wanted);
    else if (Number.isFinite(Number(wanted.replace(",", ".")))) set(Number(wanted.replace(",", ".")));
    else setText(value === undefined || value === null ? "" : shown(value));
  };
  if (field.kind === "checkbox") {
    return (
      <label className="flex min-h-8 items-center gap-2.5 py-1 text-ink-2 text-sm coarse:min-h-11">
        <input
          type="checkbox"
          checked={value === true}
          disabled={locked}
          onChange={(event) => set(event.target.checked)}
          className="size-4 shrink-0 accent-accent"
        />
        {field.name}
      </label>
    );
  }
  return (
    <div className="flex min-h-8 items-center gap-2">
      <label htmlFor={id} className="line-clamp-2 w-20 shrink-0 text-ink-3 text-xs" title={field.name}>
        {field.name}
      </label>
      {field.kind === "choice" ? (
        <Select
          id={id}
          value={text}
          disabled={locked}
          onChange={(event) => set(event.target.value === "" ? null : event.target.value)}
          className={INPUT}
        >
          <option value="">{strings.details.none}</option>
          {[...new Set([...field.options, ...(text === "" ? [] : [text])])].map((option) => (
            <option key={option} value={option}>
              {option}
            </option>
          ))}
        </Select>
      ) : (
        <input
          id={id}
          type={field.kind === "date" ? "date" : "text"}
          inputMode={field.kind === "number" ? "decimal" : undefined}
          value={text}
          disabled={locked}
          placeholder={strings.details.none}
          onChange={(event) => setText(event.target.value)}
          onBlur={keep}
          onKeyDown={(event) => {
            if (event.key === "Enter") keep();
          }}
          className={INPUT}
        />
      )}
    </div>
  );
}
