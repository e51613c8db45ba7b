import clsx from "clsx";
import { strings } from "@/app/strings/strings";
import type { TicketStatus } from "@/protocol/types";

const COLOURS: Record<TicketStatus, string> = {
  new: "text-status-new",
  open: "text-status-open",
  pending: "text-status-pending",
  on_hold: "text-status-on-hold",
  solved: "text-status-solved",
  closed: "text-status-closed",
};

/** Each status has a shape of its own, so that colour is never the only sign. */
export function StatusIcon({
  status,
  labelled = false,
  className,
}: {
  status: TicketStatus;
  labelled?: boolean;
  className?: string;
}) {
  return (
    <svg
      viewBox="0 0 14 14"
      fill="none"
      className={clsx("size-3.5 shrink-0", COLOURS[status], className)}
      {...(labelled ? { role: "img", "aria-label": strings.status[status] } : { "aria-hidden": true })}
    >
      {shape(status)}
    </svg>
  );
}

function shape(status: TicketStatus) {
  const ring = <circle cx="7" cy="7" r="5.6" stroke="currentColor" strokeWidth="1.5" />;
  switch (status) {
    case "new":
      return (
        <>
          {ring}
          <circle cx="7" cy="7" r="2.1" fill="currentColor" />
        </>
      );
    case "open":
      return (
        <>
          {ring}
          <path d="M7 3.6a3.4 3.4 0 0 1 0 6.8z" fill="currentColor" />
        </>
      );
    case "pending":
      return (
        <>
          <circle cx="7" cy="7" r="5.6" stroke="currentColor" strokeWidth="1.5" strokeDasharray="2.2 1.9" />
          <path d="M7 4.2V7l1.9 1.3" stroke="currentColor" strokeWidth="1.4" strokeLinecap="round" />
        </>
      );
    case "on_hold":
      return (
        <>
          {ring}
          <path d="M5.5 5v4M8.5 5v4" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round" />
        </>
      );
    case "solved":
      return (
        <>
          <circle cx="7" cy="7" r="6.3" fill="currentColor" />
          <path
            d="m4.4 7.2 1.8 1.8 3.4-3.8"
            stroke="var(--surface)"
            strokeWidth="1.5"
            strokeLinecap="round"
            strokeLinejoin="round"
          />
        </>
      );
    case "closed":
      return (
        <>
          <circle cx="7" cy="7" r="6.3" fill="currentColor" />
          <path d="M4.6 7h4.8" stroke="var(--surface)" strokeWidth="1.5" strokeLinecap="round" />
        </>
      );
  }
}
