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
    <div className="flex min-w-0 flex-col gap-1 bg-surface p-4 outline-1 outline-line">
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

/** Figures side by side, with hairlines between. */
export function Stats({ children }: { children: ReactNode }) {
  return (
    <dl className="grid grid-cols-2 gap-px overflow-hidden rounded-xl border bg-surface sm:grid-cols-[repeat(auto-fit,minmax(10.5rem,1fr))]">
      {children}
    </dl>
  );
}
