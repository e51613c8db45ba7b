import { dropTargetForElements } from "@atlaskit/pragmatic-drag-and-drop/element/adapter";
import { defaultRangeExtractor, useVirtualizer } from "@tanstack/react-virtual";
import clsx from "clsx";
import { Ban } from "lucide-react";
import { type ReactNode, type RefObject, useEffect, useRef, useState } from "react";
import { strings } from "@/app/strings/strings";
import { number } from "@/desk/format-time";
import { useRem } from "@/desk/use-rem";
import { BoardCard } from "./board-card";
import type { Axis, Column, Move } from "./moves";

/** As high as a card of two lines is drawn. */
const CARD_REM = 6.25;
const GAP_REM = 0.5;

export function BoardColumn({
  axis,
  column,
  name,
  icon,
  cursor,
  open,
  dragged,
  awaited,
  move,
  onDrop,
  onFocus,
  onOpen,
}: {
  axis: Axis;
  column: Column;
  name: string;
  icon: ReactNode;
  cursor: number | null;
  open: number | null;
  /** The card in somebody's hand: it stays drawn however far its column is scrolled. */
  dragged: number | null;
  awaited: RefObject<number | null>;
  /** What dropping it here would do; null while nothing is dragged. */
  move: Move | null;
  onDrop: (ticket: number) => void;
  onFocus: (id: number) => void;
  onOpen: (id: number) => void;
}) {
  const box = useRef<HTMLElement>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const [over, setOver] = useState(false);
  const rem = useRem();
  const kept = dragged === null ? -1 : column.ids.indexOf(dragged);
  const cards = useVirtualizer({
    count: column.ids.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => CARD_REM * rem,
    gap: GAP_REM * rem,
    paddingStart: 2,
    paddingEnd: 12,
    overscan: 4,
    getItemKey: (index) => column.ids[index] ?? index,
    rangeExtractor: (range) => {
      const indexes = defaultRangeExtractor(range);
      return kept < 0 || indexes.includes(kept) ? indexes : [...indexes, kept].sort((a, b) => a - b);
    },
  });

  // biome-ignore lint/correctness/useExhaustiveDependencies: another size of letters moves every card
  useEffect(() => cards.measure(), [rem, cards]);

  const latest = useRef({ move, onDrop });
  latest.current = { move, onDrop };
  useEffect(() => {
    if (box.current === null) return;
    return dropTargetForElements({
      element: box.current,
      canDrop: () => latest.current.move?.kind === "allowed",
      onDragEnter: () => setOver(true),
      onDragLeave: () => setOver(false),
      onDrop: ({ source }) => {
        setOver(false);
        latest.current.onDrop(Number(source.data.ticket));
      },
    });
  }, []);

  // Where the keys lead is in sight, also once the card has come over from another column.
  const at = cursor === null ? -1 : column.ids.indexOf(cursor);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only another card scrolls, not one that moves within the column
  useEffect(() => {
    if (at >= 0) cards.scrollToIndex(at, { align: "auto" });
  }, [cursor, at >= 0]);

  const refused = move?.kind === "refused";
  return (
    <section
      ref={box}
      aria-label={strings.board.column(name, column.ids.length)}
      data-column={column.key}
      data-drop={move?.kind}
      className={clsx(
        "relative flex h-full min-w-[12.3rem] flex-1 max-sm:min-w-[74vw] flex-col rounded-xl border border-transparent bg-canvas transition-[border-color,opacity] xl:max-w-[26rem]",
        move?.kind === "allowed" && "border-line-strong",
        over && "border-accent bg-accent-soft",
      )}
    >
      <h2 className="flex h-10 shrink-0 items-center gap-2 px-3 font-medium text-sm">
        {icon}
        <span className="min-w-0 truncate">{name}</span>
        <span className="text-ink-3 text-xs tabular-nums">{number(column.ids.length)}</span>
      </h2>
      <div
        ref={scroller}
        className={clsx("scroll-thin min-h-0 flex-1 overflow-y-auto px-2", refused && "opacity-35")}
      >
        <ul className="relative" style={{ height: cards.getTotalSize() }}>
          {cards.getVirtualItems().map((item) => {
            const id = column.ids[item.index];
            if (id === undefined) return null;
            return (
              <li
                key={item.key}
                aria-setsize={column.ids.length}
                aria-posinset={item.index + 1}
                className="absolute inset-x-0 top-0"
                style={{ transform: `translateY(${item.start}px)` }}
              >
                <BoardCard
                  id={id}
                  axis={axis}
                  here={id === cursor}
                  open={id === open}
                  awaited={awaited}
                  onFocus={onFocus}
                  onOpen={onOpen}
                />
              </li>
            );
          })}
        </ul>
        {column.ids.length === 0 ? (
          <p className="px-2 pt-6 text-center text-ink-3 text-xs">{strings.board.empty}</p>
        ) : null}
      </div>
      {refused ? (
        <p className="pointer-events-none absolute inset-x-3 top-14 flex animate-fade items-center gap-2 rounded-lg bg-raised p-3 text-ink-2 text-xs shadow-pop">
          <Ban className="size-4 shrink-0 text-danger" aria-hidden="true" />
          {strings.board.refused[move.why]}
        </p>
      ) : null}
    </section>
  );
}
