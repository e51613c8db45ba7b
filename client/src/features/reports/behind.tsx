import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { figureWords as words } from "@/app/strings/figures";
import { Dialog } from "@/components/ui/dialog";
import { Skeleton } from "@/components/ui/skeleton";
import { StatusIcon } from "@/components/ui/status-icon";
import { useDesk } from "@/desk/desk-context";
import { number } from "@/desk/format-time";
import type { ReportCell, ReportDefinition } from "@/protocol/types";

/** So many are fetched with their subjects; the others are numbers that lead to them. */
const SHOWN = 50;

/** The tickets that a figure was counted from. */
export function Behind({
  definition,
  cell,
  title,
  onClose,
}: {
  definition: ReportDefinition;
  cell: ReportCell;
  title: string;
  onClose: () => void;
}) {
  const { api } = useDesk();
  const asked = useQuery({
    queryKey: ["behind", definition, cell],
    queryFn: async () => {
      const found = await api.figures.behind({ definition, cell });
      const tickets = await Promise.all(
        found.tickets.slice(0, SHOWN).map((id) => api.ticket(id).catch(() => ({ id }) as { id: number })),
      );
      return { ...found, shown: tickets };
    },
  });
  const found = asked.data;
  return (
    <Dialog
      open
      onOpenChange={(open) => (open ? undefined : onClose())}
      title={words.report.behindTitle}
      place="right"
    >
      <div className="scroll-thin min-h-0 flex-1 overflow-y-auto px-4 pb-4">
        <p className="mb-3 text-ink-3 text-sm">
          {title}
          {found === undefined ? null : ` · ${words.report.behind(number(found.total))}`}
        </p>
        {asked.error !== null ? (
          <p role="alert" className="text-sm">
            {words.failed}
          </p>
        ) : found === undefined ? (
          <Skeleton className="h-40 w-full" />
        ) : (
          <>
            <ul className="flex flex-col gap-px">
              {found.shown.map((ticket) => (
                <li key={ticket.id}>
                  <Link
                    href={`/tickets/${ticket.id}`}
                    className="flex h-9 items-center gap-2 rounded-md px-2 text-sm hover:bg-hover coarse:h-11"
                  >
                    {"status" in ticket ? <StatusIcon status={ticket.status} labelled /> : null}
                    <span className="min-w-0 flex-1 truncate">
                      {"subject" in ticket ? ticket.subject : words.report.gone}
                    </span>
                    <span className="text-ink-3 text-xs tabular-nums">#{ticket.id}</span>
                  </Link>
                </li>
              ))}
            </ul>
            {found.total > found.shown.length ? (
              <p className="mt-3 px-2 text-ink-3 text-xs">
                {words.report.behindMore(number(found.shown.length))}
              </p>
            ) : null}
          </>
        )}
      </div>
    </Dialog>
  );
}
