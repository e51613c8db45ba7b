import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDownWideNarrow, CheckCheck, PanelLeft } from "lucide-react";
import { useEffect, useRef } from "react";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import { Delayed } from "@/components/ui/delayed";
import { Menu, MenuContent, MenuRadioGroup, MenuRadioItem, MenuTrigger } from "@/components/ui/menu";
import { Notice } from "@/components/ui/notice";
import { Skeleton } from "@/components/ui/skeleton";
import { Tooltip } from "@/components/ui/tooltip";
import { ConnectionStatus } from "@/desk/connection-status";
import { useDesk } from "@/desk/desk-context";
import { useConnection } from "@/desk/use-live";
import { SORTS, type Sort, type ViewId } from "@/desk/views";
import { TicketRow } from "./ticket-row";

const ROW_PX = 64;

export function TicketList({
  view,
  title,
  ids,
  selected,
  sort,
  onSort,
  onMenu,
}: {
  view: ViewId;
  title: string;
  ids: readonly number[];
  selected: number | null;
  sort: Sort;
  onSort: (sort: Sort) => void;
  onMenu: () => void;
}) {
  return (
    <section aria-label={strings.list.label} className="flex h-full flex-col">
      <header className="flex h-12 shrink-0 items-center gap-2 border-b pr-2 pl-3.5">
        <Button
          variant="ghost"
          size="icon"
          className="-ml-1.5 lg:hidden"
          onClick={onMenu}
          aria-label={strings.nav.open}
        >
          <PanelLeft className="size-4" />
        </Button>
        <h1 className="min-w-0 truncate font-semibold text-base tracking-tight">{title}</h1>
        <span className="flex-1 text-ink-3 text-sm tabular-nums">
          <span className="sr-only">{strings.list.tickets(ids.length)}</span>
          <span aria-hidden="true">{ids.length}</span>
        </span>
        <ConnectionStatus inHeader />
        <Menu>
          <Tooltip label={strings.list.sorts[sort]}>
            <MenuTrigger asChild>
              <Button variant="ghost" size="icon" aria-label={strings.list.sort}>
                <ArrowDownWideNarrow className="size-4" />
              </Button>
            </MenuTrigger>
          </Tooltip>
          <MenuContent align="end">
            <MenuRadioGroup value={sort} onValueChange={(value) => onSort(value as Sort)}>
              {SORTS.map((option) => (
                <MenuRadioItem key={option} value={option}>
                  {strings.list.sorts[option]}
                </MenuRadioItem>
              ))}
            </MenuRadioGroup>
          </MenuContent>
        </Menu>
      </header>
      <Body view={view} ids={ids} selected={selected} />
    </section>
  );
}

function Body({ view, ids, selected }: { view: ViewId; ids: readonly number[]; selected: number | null }) {
  const { sync } = useDesk();
  const connection = useConnection();
  if (!sync.loaded) {
    if (connection.kind === "offline") {
      return (
        <Notice
          alert
          title={strings.list.failed}
          hint={strings.problems.unreachable}
          action={<Button onClick={() => sync.connection.nudge()}>{strings.list.retry}</Button>}
        />
      );
    }
    return (
      <Delayed>
        <div role="status" className="flex flex-col gap-6 p-4">
          <span className="sr-only">{strings.page.loading}</span>
          {[0, 1, 2, 3, 4, 5].map((row) => (
            <div key={row} className="flex flex-col gap-2">
              <Skeleton className="h-3.5 w-2/5" />
              <Skeleton className="h-3.5 w-4/5" />
            </div>
          ))}
        </div>
      </Delayed>
    );
  }
  if (ids.length === 0) {
    const words = strings.empty[view] ?? strings.empty.team;
    return (
      <Notice icon={<CheckCheck />} title={words?.[0] ?? ""} {...(words?.[1] ? { hint: words[1] } : {})} />
    );
  }
  return <Rows view={view} ids={ids} selected={selected} />;
}

function Rows({ view, ids, selected }: { view: ViewId; ids: readonly number[]; selected: number | null }) {
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: ids.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    getItemKey: (index) => ids[index] ?? index,
    overscan: 8,
  });

  const at = selected === null ? -1 : ids.indexOf(selected);
  const latest = useRef(at);
  latest.current = at;
  // Follows the user's choice, not the list: a row that a colleague moves does not drag the view along.
  // biome-ignore lint/correctness/useExhaustiveDependencies: only another choice scrolls
  useEffect(() => {
    if (latest.current >= 0) rows.scrollToIndex(latest.current, { align: "auto" });
  }, [selected]);

  return (
    <div ref={scroller} className="scroll-thin min-h-0 flex-1 overflow-y-auto overscroll-contain">
      <ul className="relative" style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map((item) => {
          const id = ids[item.index];
          if (id === undefined) return null;
          return (
            <li
              key={item.key}
              aria-setsize={ids.length}
              aria-posinset={item.index + 1}
              className="absolute inset-x-0 top-0"
              style={{ height: item.size, transform: `translateY(${item.start}px)` }}
            >
              <TicketRow id={id} view={view} selected={id === selected} />
            </li>
          );
        })}
      </ul>
    </div>
  );
}
