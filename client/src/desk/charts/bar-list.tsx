import clsx from "clsx";
import type { ReactNode } from "react";

const TONES = {
  accent: "bg-accent",
  good: "bg-good",
  warn: "bg-warn",
  danger: "bg-danger",
  quiet: "bg-line-strong",
} as const;

/** How something spreads: each part's name, its bar, and its figure in words. It is its own table. */
export function BarList({
  label,
  rows,
  most = Math.max(1, ...rows.map((row) => row.value)),
}: {
  label: string;
  rows: readonly {
    key: string;
    name: ReactNode;
    value: number;
    text: string;
    tone?: keyof typeof TONES;
  }[];
  /** What the longest bar would stand for. */
  most?: number;
}) {
  return (
    <table className="w-full text-sm">
      <caption className="sr-only">{label}</caption>
      <tbody>
        {rows.map((row) => (
          <tr key={row.key} className="h-8">
            <th
              scope="row"
              className="w-px min-w-25 max-w-44 truncate whitespace-nowrap pr-3 text-left font-normal text-ink-2"
            >
              {row.name}
            </th>
            <td>
              <div className="h-2 rounded-full bg-sunken">
                <div
                  className={clsx("h-2 rounded-full", TONES[row.tone ?? "accent"])}
                  style={{ width: `${row.value > 0 ? Math.max(1.5, (row.value / most) * 100) : 0}%` }}
                />
              </div>
            </td>
            <td className="w-px min-w-10 whitespace-nowrap pl-2.5 text-right font-medium tabular-nums">
              {row.text}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
