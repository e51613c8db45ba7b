import clsx from "clsx";
import { strings } from "@/app/strings/strings";
import type { Priority } from "@/protocol/types";

const BARS: Record<Exclude<Priority, "urgent">, number> = { low: 1, normal: 2, high: 3 };

/** Bars that fill up; urgent breaks the pattern, because it should break the eye's. */
export function PriorityIcon({
  priority,
  labelled = false,
  className,
}: {
  priority: Priority;
  labelled?: boolean;
  className?: string;
}) {
  const name = labelled ? { role: "img", "aria-label": strings.priority[priority] } : { "aria-hidden": true };
  if (priority === "urgent") {
    return (
      <svg viewBox="0 0 14 14" className={clsx("size-3.5 shrink-0 text-danger", className)} {...name}>
        <rect x="0.5" y="0.5" width="13" height="13" rx="3" fill="currentColor" />
        <path d="M7 3.4v4.2" stroke="var(--surface)" strokeWidth="1.8" strokeLinecap="round" />
        <circle cx="7" cy="10.3" r="1.1" fill="var(--surface)" />
      </svg>
    );
  }
  const filled = BARS[priority];
  return (
    <svg
      viewBox="0 0 14 14"
      className={clsx("size-3.5 shrink-0", priority === "high" ? "text-warn" : "text-ink-3", className)}
      {...name}
    >
      {[1, 2, 3].map((bar) => (
        <rect
          key={bar}
          x={bar * 4 - 2.5}
          y={11.5 - bar * 3}
          width="2.6"
          height={bar * 3}
          rx="0.9"
          fill="currentColor"
          opacity={bar <= filled ? 1 : 0.28}
        />
      ))}
    </svg>
  );
}
