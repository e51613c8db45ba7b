import clsx from "clsx";
import type { ReactNode } from "react";
import { About, Explain } from "./about";

/** One figure: its name, its value, and a word beside it. */
export function Stat({
  name,
  value,
  metric,
  hint,
  tone,
  children,
}: {
  name: string;
  value: string;
  metric?: string;
  /** What it means, where it is none of the table's. */
  hint?: string;
  tone?: "warn" | "danger" | undefined;
  children?: ReactNode;
}) {
  return (
    <div className="flex min-w-0 flex-col gap-1 bg-surface p-4 outline-1 outline-line max-sm:last:odd:col-span-2">
      <dt className="flex items-center gap-1 text-ink-3 text-sm">
        <span className="min-w-0 truncate">{name}</span>
        {metric === undefined ? null : <About metric={metric} />}
        {hint === undefined ? null : <Explain name={name} what={hint} />}
      </dt>
      <dd
        className={clsx(
          "truncate font-semibold text-[1.625rem] leading-8 tracking-tight tabular-nums",
          tone === "danger" ? "text-danger" : tone === "warn" ? "text-warn" : "text-ink",
        )}
      >
        {value}
      </dd>
      <dd className="min-h-4 truncate text-ink-3 text-xs tabular-nums">{children}</dd>
    </div>
  );
}

/** Widths that leave no row half empty. */
const COLUMNS = {
  any: "sm:grid-cols-[repeat(auto-fit,minmax(10.5rem,1fr))]",
  ten: "md:grid-cols-5 min-[2200px]:grid-cols-10",
  twelve: "sm:grid-cols-3 md:grid-cols-4 xl:grid-cols-6",
} as const;

/** Figures side by side, with hairlines between; where they are many, how many are known. */
export function Stats({ count = "any", children }: { count?: keyof typeof COLUMNS; children: ReactNode }) {
  return (
    <dl
      className={clsx("grid grid-cols-2 gap-px overflow-hidden rounded-xl border bg-surface", COLUMNS[count])}
    >
      {children}
    </dl>
  );
}
