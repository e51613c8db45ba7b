import clsx from "clsx";
import { ArrowDown, ArrowUp } from "lucide-react";
import { type ReactNode, useMemo, useState } from "react";

export interface Column<Row> {
  id: string;
  name: string;
  /** What it is ordered by; null lies at the end. */
  by: (row: Row) => number | string | null;
  draw: (row: Row) => ReactNode;
  /** Numbers stand at the right. */
  text?: boolean;
}

/** A table that is ordered by any of its columns. The first one names its rows. */
export function FigureTable<Row>({
  label,
  rows,
  columns,
  keyOf,
  order,
}: {
  label: string;
  rows: readonly Row[];
  columns: readonly Column<Row>[];
  keyOf: (row: Row) => string;
  /** The column that it begins with, from the most on. */
  order: string;
}) {
  const [by, setBy] = useState({ id: order, down: true });
  const sorted = useMemo(() => {
    const column = columns.find((one) => one.id === by.id) ?? columns[0];
    if (column === undefined) return rows;
    return [...rows].sort((a, b) => {
      const [x, y] = [column.by(a), column.by(b)];
      if (x === null || y === null) return x === y ? 0 : x === null ? 1 : -1;
      const before = typeof x === "string" ? x.localeCompare(String(y)) : x - Number(y);
      return by.down ? -before : before;
    });
  }, [rows, columns, by]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
    <div tabIndex={0} className="scroll-thin -mx-1 overflow-x-auto px-1">
      <table className="w-full text-sm tabular-nums">
        <caption className="sr-only">{label}</caption>
        <thead className="text-ink-3 text-xs">
          <tr>
            {columns.map((column) => {
              const here = by.id === column.id;
              const Arrow = by.down ? ArrowDown : ArrowUp;
              return (
                <th
                  key={column.id}
                  scope="col"
                  aria-sort={here ? (by.down ? "descending" : "ascending") : "none"}
                  className={clsx("p-0 font-medium", column.text ? "text-left" : "text-right")}
                >
                  <button
                    type="button"
                    onClick={() => setBy({ id: column.id, down: here ? !by.down : !column.text })}
                    className={clsx(
                      "inline-flex h-8 items-center gap-1 whitespace-nowrap rounded px-2 hover:text-ink coarse:h-11",
                      here && "text-ink",
                    )}
                  >
                    {column.name}
                    <Arrow aria-hidden="true" className={clsx("size-3", !here && "opacity-0")} />
                  </button>
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {sorted.map((row) => (
            <tr key={keyOf(row)} className="border-t hover:bg-hover">
              {columns.map((column, index) =>
                index === 0 ? (
                  <th key={column.id} scope="row" className="max-w-56 px-2 py-2 text-left font-medium">
                    {column.draw(row)}
                  </th>
                ) : (
                  <td
                    key={column.id}
                    className={clsx(
                      "whitespace-nowrap px-2 py-2",
                      column.text ? "text-left" : "pr-6 text-right",
                    )}
                  >
                    {column.draw(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
