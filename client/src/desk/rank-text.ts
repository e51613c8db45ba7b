import { strings } from "@/app/strings/strings";
import type { RankReason } from "@/protocol/types";
import { span } from "./format-time";

/** The priority that a ticket is handed out by, and what lifted it. */
export function rankText(reason: RankReason): string {
  const from = reason.lifted > 0 ? strings.priority[reason.priority] : null;
  return strings.queue.rank(strings.priority[reason.effective_priority], from);
}

/** Why it is a ticket's turn, in one line. */
export function turnText(reason: RankReason, now: number): string {
  const due = reason.next_due === null ? null : Date.parse(reason.next_due) - now;
  return [
    rankText(reason),
    ...(due === null ? [] : [due < 0 ? strings.queue.late(span(due)) : strings.queue.dueIn(span(due))]),
    strings.queue.waited(span(now - Date.parse(reason.waiting_since))),
  ].join(" · ");
}
