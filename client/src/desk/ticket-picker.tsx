import { useQuery } from "@tanstack/react-query";
import clsx from "clsx";
import { useDeferredValue, useId, useState } from "react";
import { strings } from "@/app/strings/strings";
import { StatusIcon } from "@/components/ui/status-icon";
import type { Ticket } from "@/protocol/types";
import { useDesk } from "./desk-context";

const SHOWN = 8;

/** Finds one ticket by its number or its words: at once on the board, and then by the server's full-text search. */
export function TicketPicker({
  accepts,
  onChoose,
}: {
  accepts: (ticket: Ticket) => boolean;
  onChoose: (ticket: Ticket) => void;
}) {
  const { sync, api } = useDesk();
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const listId = useId();
  const words = useDeferredValue(text.trim());
  const number = /^#?(\d+)$/.exec(words)?.[1];

  const search = useQuery({
    queryKey: ["find", words],
    queryFn: async () => {
      const query = new URLSearchParams({ q: `${words}*`, "page[size]": String(SHOWN * 2) });
      return (await api.tickets(query)).data;
    },
    enabled: words.length >= 2 && number === undefined,
    staleTime: 10_000,
  });

  const local =
    words === ""
      ? []
      : sync.tickets.find((ticket) => {
          if (!accepts(ticket)) return false;
          if (number !== undefined) return String(ticket.id).startsWith(number);
          return ticket.subject.toLowerCase().includes(words.toLowerCase());
        }, SHOWN);
  if (number !== undefined) local.sort((a, b) => a.id - b.id);
  const known = new Set(local.map((ticket) => ticket.id));
  const found = [
    ...local,
    ...(search.data ?? []).filter((ticket) => !known.has(ticket.id) && accepts(ticket)),
  ].slice(0, SHOWN);
  const chosen = Math.min(at, found.length - 1);

  return (
    <div className="flex flex-col">
      <input
        // biome-ignore lint/a11y/noAutofocus: the dialog was opened to type here
        autoFocus
        role="combobox"
        aria-label={strings.relate.find}
        aria-expanded={found.length > 0}
        aria-controls={listId}
        aria-activedescendant={found.length > 0 ? `${listId}-${chosen}` : undefined}
        placeholder={strings.relate.find}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
        }}
        onKeyDown={(event) => {
          if (event.key === "ArrowDown" || event.key === "ArrowUp") {
            event.preventDefault();
            const step = event.key === "ArrowDown" ? 1 : -1;
            setAt((chosen + step + found.length) % Math.max(found.length, 1));
          } else if (event.key === "Enter") {
            event.preventDefault();
            const ticket = found[chosen];
            if (ticket !== undefined) onChoose(ticket);
          }
        }}
        className="h-10 rounded-md border border-line-strong bg-surface px-3 text-base placeholder:text-ink-3"
      />
      <div
        id={listId}
        // A list of nothing is no list.
        {...(found.length === 0 ? {} : { role: "listbox", "aria-label": strings.palette.tickets })}
        className="flex min-h-44 flex-col pt-2"
      >
        {found.map((ticket, index) => (
          <button
            key={ticket.id}
            id={`${listId}-${index}`}
            type="button"
            role="option"
            tabIndex={-1}
            aria-selected={index === chosen}
            onPointerMove={() => setAt(index)}
            onClick={() => onChoose(ticket)}
            className={clsx(
              "flex h-9 items-center gap-2.5 rounded-md px-2.5 text-left text-sm coarse:h-11",
              index === chosen && "bg-hover",
            )}
          >
            <StatusIcon status={ticket.status} labelled />
            <span className="text-ink-3 tabular-nums">#{ticket.id}</span>
            <span className="min-w-0 flex-1 truncate">{ticket.subject}</span>
            <span className="max-w-32 truncate text-ink-3 text-xs">{ticket.requester.name}</span>
          </button>
        ))}
        {found.length === 0 ? (
          <p className="py-8 text-center text-ink-3 text-sm">
            {words === ""
              ? strings.relate.begin
              : search.isFetching
                ? strings.relate.asking
                : strings.relate.nothing}
          </p>
        ) : null}
      </div>
    </div>
  );
}
