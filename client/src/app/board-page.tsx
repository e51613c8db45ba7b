import { lazy, Suspense, useEffect, useMemo } from "react";
import { useLocation, useSearch } from "wouter";
import { useDesk } from "@/desk/desk-context";
import { parseFilters, withFilters } from "@/desk/filters";
import { BoardScreen } from "@/features/board/board-screen";
import { AXES, type Axis } from "@/features/board/moves";
import { FilterBar } from "@/features/inbox/filter-bar";
import { useBoardAbsent } from "@/features/inbox/ticket-list";
import { strings } from "./strings/strings";

const TicketPane = lazy(() =>
  import("@/features/ticket/ticket-pane").then((m) => ({ default: m.TicketPane })),
);

/** The board, with the opened card beside it. What the columns are, and the filters, stand in the address. */
export function BoardPage({ ticket, onMenu }: { ticket: string | undefined; onMenu: () => void }) {
  const { info } = useDesk();
  const [, navigate] = useLocation();
  const search = useSearch();
  const open = ticket === undefined || !/^\d+$/.test(ticket) ? null : Number(ticket);
  const axis: Axis = AXES.find((option) => option === new URLSearchParams(search).get("by")) ?? "status";
  const filters = useMemo(() => parseFilters(search), [search]);
  const absent = useBoardAbsent();
  const to = (id: number | null, query: string) =>
    navigate(`/board${id === null ? "" : `/${id}`}${query === "" ? "" : `?${query.replace(/^\?/, "")}`}`, {
      replace: true,
    });
  useEffect(() => {
    document.title = `${strings.board.title} · ${info.name}`;
  }, [info.name]);

  return (
    <main className="relative flex h-full">
      <div
        id={open === null ? "ticket" : undefined}
        tabIndex={-1}
        className="h-full min-w-0 flex-1 outline-none"
      >
        {absent ?? (
          <BoardScreen
            axis={axis}
            onAxis={(next) => {
              const query = new URLSearchParams(search);
              query.set("by", next);
              to(open, query.toString());
            }}
            filters={filters}
            filterBar={
              <FilterBar filters={filters} onChange={(next) => to(open, withFilters(search, next))} />
            }
            open={open}
            onOpen={(id) => to(id, search)}
            onMenu={onMenu}
          />
        )}
      </div>
      {open === null ? null : (
        <div
          id="ticket"
          tabIndex={-1}
          className="absolute inset-y-0 right-0 z-10 w-full animate-fade bg-surface shadow-pop outline-none md:w-[min(44rem,62%)]"
        >
          <Suspense fallback={null}>
            <TicketPane
              key={open}
              id={open}
              claimedBecause={null}
              onBack={() => to(null, search)}
              onClose={() => to(null, search)}
            />
          </Suspense>
        </div>
      )}
    </main>
  );
}
