import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import { StatusIcon } from "@/components/ui/status-icon";
import { useDesk } from "@/desk/desk-context";
import { percent } from "@/desk/format-time";
import type { SimilarTicket, Ticket } from "@/protocol/types";
import type { Api } from "@/sync/api";
import { asProblem } from "@/sync/problem-error";

const SHOWN = 5;
const MIN_LETTERS = 4;
const STALE_MS = 5 * 60_000;

type Alike = Pick<SimilarTicket, "id" | "subject" | "status"> & Partial<SimilarTicket>;

/** The words of a subject that say most: the longest ones, without numbers. */
export function tellingWords(subject: string): string[] {
  const words = subject.toLowerCase().match(/\p{L}+/gu) ?? [];
  return [...new Set(words)]
    .filter((word) => word.length >= MIN_LETTERS)
    .sort((a, b) => b.length - a.length)
    .slice(0, 3);
}

/** What the desk's learner finds; where it is switched off, what says the same words. */
async function alike(api: Api, ticket: Pick<Ticket, "id" | "subject">): Promise<Alike[]> {
  try {
    return await api.similar(ticket.id);
  } catch (error) {
    const { status } = asProblem(error);
    if (status !== 404 && status !== 409) throw error;
  }
  const words = tellingWords(ticket.subject);
  for (let count = words.length; count > 0; count -= 1) {
    const query = new URLSearchParams({
      q: words.slice(0, count).join(" "),
      sort: "-updated_at",
      "page[size]": String(SHOWN + 1),
    });
    const found = (await api.tickets(query)).data.filter((other) => other.id !== ticket.id);
    if (found.length > 0) return found;
  }
  return [];
}

/** Tickets that tell alike, with how they were answered where that is known. */
export function Similar({ ticket }: { ticket: Ticket }) {
  const { api } = useDesk();
  const similar = useQuery({
    queryKey: ["similar", ticket.id, ticket.subject],
    queryFn: () => alike(api, ticket),
    staleTime: STALE_MS,
  });
  if (similar.isError) {
    return (
      <Button variant="ghost" size="sm" className="-ml-2.5 self-start" onClick={() => void similar.refetch()}>
        {strings.list.retry}
      </Button>
    );
  }
  const found = (similar.data ?? []).slice(0, SHOWN);
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
            className="-mx-2 flex min-w-0 flex-col justify-center rounded-md px-2 py-1 text-sm hover:bg-hover coarse:min-h-11"
          >
            <span className="flex min-w-0 items-center gap-2">
              <StatusIcon status={other.status} labelled />
              <span className="text-ink-3 tabular-nums">#{other.id}</span>
              <span className="min-w-0 flex-1 truncate">{other.subject}</span>
              {other.likeness === undefined ? null : (
                <span className="shrink-0 text-2xs text-ink-3 tabular-nums">
                  <span className="sr-only">{strings.triage.likeness(percent(other.likeness))}</span>
                  <span aria-hidden="true">{percent(other.likeness)}</span>
                </span>
              )}
            </span>
            {other.answer ? (
              <span className="line-clamp-2 pl-6 text-ink-3 text-xs">{other.answer}</span>
            ) : null}
          </Link>
        </li>
      ))}
    </ul>
  );
}
