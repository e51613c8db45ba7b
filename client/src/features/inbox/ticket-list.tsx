import { useVirtualizer } from "@tanstack/react-virtual";
import { CheckCheck, Sprout } from "lucide-react";
import { lazy, type ReactNode, Suspense, useEffect, useMemo, useRef, useSyncExternalStore } from "react";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import { Delayed } from "@/components/ui/delayed";
import { Notice } from "@/components/ui/notice";
import { Skeleton } from "@/components/ui/skeleton";
import { rowRem } from "@/desk/appearance";
import { ConnectionStatus } from "@/desk/connection-status";
import { useDesk } from "@/desk/desk-context";
import { MenuButton } from "@/desk/menu-button";
import type { Selection } from "@/desk/selection";
import { useConnection, usePersonName } from "@/desk/use-live";
import { useRem } from "@/desk/use-rem";
import { type Group, groupOf } from "@/desk/views";
import { HoldKeys, useActionRegistry } from "@/keyboard/actions";
import type { Priority, Ticket, TicketStatus } from "@/protocol/types";
import { BULK_KEYS } from "./bulk-keys";
import { TicketRow } from "./ticket-row";

const BulkBar = lazy(() => import("./bulk-bar").then((m) => ({ default: m.BulkBar })));

const HELD = Object.values(BULK_KEYS);

const HEADING_REM = 1.875;

export interface ListPlace {
  ids: readonly number[];
  selected: number | null;
  selection: Selection;
  hrefOf: (id: number | null) => string;
  showAssignee: boolean;
  group: Group;
  found?: ReadonlyMap<number, Ticket>;
}

/** A list of tickets with its head: what is shown, in which order, and what is done to those that are marked. */
export function TicketList({
  title,
  count,
  menu,
  below,
  empty,
  end,
  onMenu,
  ...place
}: ListPlace & {
  title: ReactNode;
  count: string;
  menu: ReactNode;
  /** Under the head: filters, a search box. */
  below: ReactNode;
  /** Instead of rows; null where there are some. */
  empty: ReactNode | null;
  /** Drawn after the last row: it comes into sight when somebody has read so far. */
  end?: ReactNode;
  onMenu: () => void;
}) {
  const marking = useSyncExternalStore(place.selection.subscribe, place.selection.some);
  return (
    <section aria-label={strings.list.label} className="flex h-full flex-col">
      <header className="flex h-12 shrink-0 items-center gap-2 border-b pr-2 pl-3.5">
        <MenuButton onMenu={onMenu} />
        {title}
        <span className="flex-1 text-ink-3 text-sm tabular-nums">{count}</span>
        <ConnectionStatus inHeader />
        {menu}
      </header>
      {below}
      {empty ?? <Rows {...place} end={end} />}
      {marking ? (
        <Suspense fallback={<HoldKeys keys={HELD} />}>
          <BulkBar selection={place.selection} order={place.ids} />
        </Suspense>
      ) : null}
    </section>
  );
}

/** What stands where rows would, as long as the board itself is unknown; null once it is here. */
export function useBoardAbsent(): ReactNode | null {
  const { sync } = useDesk();
  const connection = useConnection();
  if (sync.loaded) return null;
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
  return <RowSkeletons />;
}

export function RowSkeletons() {
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

export function EmptyList({ words }: { words: [string, string] | undefined }) {
  const { sync } = useDesk();
  const keys = useActionRegistry();
  if (sync.isEmpty) {
    return (
      <Notice
        icon={<Sprout />}
        title={strings.firstRun.title}
        hint={strings.firstRun.hint}
        action={
          <Button variant="primary" onClick={() => keys.bound("N")?.run()}>
            {strings.newTicket.title}
          </Button>
        }
      />
    );
  }
  return (
    <Notice icon={<CheckCheck />} title={words?.[0] ?? ""} {...(words?.[1] ? { hint: words[1] } : {})} />
  );
}

type Item = { kind: "ticket"; id: number; at: number } | { kind: "group"; key: string; count: number };

/** What is drawn one below the other. Without groups it is the list itself, of which nothing is made anew when it changes. */
interface Items {
  count: number;
  item(index: number): Item | undefined;
  indexOf(ticket: number): number;
}

function useItems(ids: readonly number[], group: Group): Items {
  const { sync } = useDesk();
  return useMemo(() => {
    if (group === "none") {
      return {
        count: ids.length,
        item: (at) => {
          const id = ids[at];
          return id === undefined ? undefined : { kind: "ticket", id, at };
        },
        indexOf: (ticket) => ids.indexOf(ticket),
      };
    }
    const items: Item[] = [];
    let open: Extract<Item, { kind: "group" }> | null = null;
    ids.forEach((id, at) => {
      const ticket = sync.tickets.get(id);
      const key = ticket === undefined ? "" : groupOf(ticket, group);
      if (open === null || open.key !== key) {
        open = { kind: "group", key, count: 0 };
        items.push(open);
      }
      open.count += 1;
      items.push({ kind: "ticket", id, at });
    });
    return {
      count: items.length,
      item: (index) => items[index],
      indexOf: (ticket) => items.findIndex((item) => item.kind === "ticket" && item.id === ticket),
    };
  }, [ids, group, sync]);
}

function Rows({
  ids,
  selected,
  selection,
  hrefOf,
  showAssignee,
  group,
  found,
  end,
}: ListPlace & { end: ReactNode }) {
  const scroller = useRef<HTMLDivElement>(null);
  const items = useItems(ids, group);
  // For ranges. Rows must not be drawn again because another one has come.
  const order = useRef(ids);
  order.current = ids;
  const rem = useRem();
  const height = useSyncExternalStore(rowRem.subscribe, rowRem.get) * rem;
  const rows = useVirtualizer({
    count: items.count,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => (items.item(index)?.kind === "group" ? HEADING_REM * rem : height),
    overscan: 8,
  });
  // Where headings are among the rows, they move with what is below them.
  const shape = group === "none" ? null : items;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another density or grouping moves every row
  useEffect(() => rows.measure(), [height, shape, rows]);

  const at = selected === null ? -1 : items.indexOf(selected);
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
        {rows.getVirtualItems().map((row) => {
          const item = items.item(row.index);
          if (item === undefined) return null;
          const style = { height: row.size, transform: `translateY(${row.start}px)` };
          if (item.kind === "group") {
            return (
              <li
                key={`group-${item.key}`}
                className="absolute inset-x-0 top-0 flex items-center gap-2 border-b bg-canvas px-3.5 text-2xs text-ink-3"
                style={style}
              >
                <span className="font-medium text-ink-2">
                  <GroupName group={group} value={item.key} />
                </span>
                <span className="tabular-nums">{item.count}</span>
              </li>
            );
          }
          return (
            <li
              key={item.id}
              aria-setsize={ids.length}
              aria-posinset={item.at + 1}
              className="absolute inset-x-0 top-0"
              style={style}
            >
              <TicketRow
                id={item.id}
                href={hrefOf(item.id)}
                selected={item.id === selected}
                selection={selection}
                order={order}
                showAssignee={showAssignee}
                found={found?.get(item.id)}
              />
            </li>
          );
        })}
      </ul>
      {end}
    </div>
  );
}

function GroupName({ group, value }: { group: Group; value: string }) {
  const { info } = useDesk();
  const nameOf = usePersonName();
  switch (group) {
    case "status":
      return strings.status[value as TicketStatus] ?? value;
    case "priority":
      return strings.priority[value as Priority] ?? value;
    case "assignee":
      return value === "" ? strings.list.unassigned : nameOf(value);
    case "team":
      return value === ""
        ? strings.list.noTeam
        : (info.teams.find((team) => team.id === value)?.name ?? value);
    default:
      return null;
  }
}
