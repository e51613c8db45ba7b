const HOURS = 3;
const MORNING_H = 9;

/** When a ticket may come back: in some hours, tomorrow morning, on Monday morning. */
export const SNOOZES = ["hours", "tomorrow", "monday"] as const;
export type Snooze = (typeof SNOOZES)[number];

export function snoozeEnd(snooze: Snooze, now: Date): Date {
  if (snooze === "hours") return new Date(now.getTime() + HOURS * 3_600_000);
  const end = new Date(now);
  // Said on a Monday, it means the next one.
  end.setDate(end.getDate() + (snooze === "tomorrow" ? 1 : (8 - now.getDay()) % 7 || 7));
  end.setHours(MORNING_H, 0, 0, 0);
  return end;
}
