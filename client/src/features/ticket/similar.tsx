import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import { StatusIcon } from "@/components/ui/status-icon";
import { useDesk } from "@/desk/desk-context";
import type { Ticket } from "@/protocol/types";

const SHOWN = 5;
const MIN_LETTERS = 4;
const STALE_MS = 5 * 60_000;

/** The words of a subject that say most: the longest ones, without numbers. */
export function tellingWords(subject: string): string[] {
  const words = subject.toLowerCase().match(/\p{L}+/gu) ?? [];
  return [...new Set(words)]
    .filter((word) => word.length >= MIN_LETTERS)
    .sort((a, b) => b.length - a.length)
    .slice(0, 3);
}

/** Tickets that say the same words, closed ones included: all of the telling ones, or else fewer of them. */
export function Similar({ ticket }: { ticket: Ticket }) {
  const { api } = useDesk();
  const words = tellingWords(ticket.subject);
  const similar = useQuery({
    queryKey: ["similar", ticket.id, words.join(" ")],
    queryFn: async () => {
      for (let count = words.length; count > 0; count -= 1) {
        const query = new URLSearchParams({
          q: words.slice(0, count).join(" "),
          sort: "-updated_at",
          "page[size]": String(SHOWN + 1),
        });
        const found = (await api.tickets(query)).data.filter((other) => other.id !== ticket.id);
        if (found.length > 0) return found.slice(0, SHOWN);
      }
      return [];
    },
    enabled: words.length > 0,
    staleTime: STALE_MS,
  });
  if (similar.isError) {
    return (
      <Button variant="ghost" size="sm" className="-ml-2.5 self-start" onClick={() => void similar.refetch()}>
        {strings.list.retry}
      </Button>
    );
  }
  const found = similar.data ?? [];
  if (found.length === 0)
    return (
      <p className="text-ink-3 text-sm">
        {similar.isFetching ? strings.relate.asking : strings.details.noSimilar}
      </p>
    );
  return (
    <ul className="flex flex-col">
      {found.map((other) => (
        <li key={other.id}>
          <Link
            href={`/tickets/${other.id}`}
            className="-mx-2 flex h-7 min-w-0 items-center gap-2 rounded-md px-2 text-sm hover:bg-hover coarse:h-11"
          >
            <StatusIcon status={other.status} labelled />
            <span className="text-ink-3 tabular-nums">#{other.id}</span>
            <span className="min-w-0 truncate">{other.subject}</span>
          </Link>
        </li>
      ))}
    </ul>
  );
}
