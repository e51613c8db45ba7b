import clsx from "clsx";
import { strings } from "@/app/strings/strings";
import { roughly, span } from "@/desk/format-time";
import { useNow } from "@/desk/use-now";

const SOON_MS = 30 * 60_000;

/** A target that ticks: calm while there is time, amber when there is little, red when it is missed. */
export function DueClock({ due, compact = false }: { due: number; compact?: boolean }) {
  const now = useNow("second");
  const left = due - now;
  const late = left < 0;
  const length = compact ? roughly(left) : span(left);
  const text = late ? strings.details.overdue(length) : compact ? length : strings.details.left(length);
  return (
    <time
      dateTime={new Date(due).toISOString()}
      className={clsx(
        "shrink-0 whitespace-nowrap tabular-nums",
        compact ? "rounded px-1 py-px font-medium text-2xs" : "text-sm",
        late
          ? compact
            ? "bg-danger-soft text-danger"
            : "font-medium text-danger"
          : left < SOON_MS
            ? compact
              ? "bg-warn-soft text-warn"
              : "font-medium text-warn"
            : "text-ink-3",
      )}
    >
      {text}
    </time>
  );
}
