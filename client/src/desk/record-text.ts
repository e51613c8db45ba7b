import { strings } from "@/app/strings/strings";
import type { DeskInfo, Patch, TicketRecord, TriageField } from "@/protocol/types";
import { list, whenSoon } from "./format-time";
import { proposedText, TRIAGE_FIELDS } from "./triage";

export interface Names {
  person(id: string): string;
  info: Pick<DeskInfo, "teams" | "categories">;
}

/** One line about a record, for where messages are not shown. */
export function recordText(record: TicketRecord, names: Names): string {
  if (record.event.type === "created") return strings.events.created;
  const said = describe(record, names);
  if (record.event.type === "message_added") {
    const { visibility, direction } = record.event.message;
    said.unshift(
      visibility === "internal"
        ? strings.events.noted
        : direction === "inbound"
          ? strings.events.wrote
          : strings.events.answered,
    );
  }
  return said.join(", ") || strings.events.changed;
}

/** What a record did, in as many sentences as it did things; none where its message says it all. */
export function describe(record: TicketRecord, names: Names): string[] {
  const { event, patch } = record;
  const words = strings.events;
  switch (event.type) {
    case "created":
      return [];
    case "message_added":
      return changes(patch, names);
    case "updated":
      return orChanged(changes(patch, names));
    case "claimed":
      return [words.claimed];
    case "released":
      return [event.vanished === undefined ? words.released : words.vanished(names.person(event.vanished))];
    case "skipped":
      return [words.skipped(event.reason)];
    case "merged":
      return [words.merged(event.into)];
    case "merged_in":
      return [words.mergedIn(event.from)];
    case "linked":
      return [words.linked(event.to)];
    case "unlinked":
      return [words.unlinked(event.to)];
    case "undone":
      return [words.undone, ...changes(patch, names)];
    case "sla_activated":
    case "sla_fulfilled":
    case "sla_breached":
      return [words[event.type](words.metric[event.metric])];
    case "sla_paused":
    case "sla_resumed":
      return [words[event.type]];
    case "triage_changed":
      return triageText(event, patch, names);
    default:
      // A newer server knows more; its patch still says what changed.
      return orChanged(changes(patch, names));
  }
}

/** What was proposed, what was set without asking, or what somebody made of it. */
function triageText(
  event: Extract<TicketRecord["event"], { type: "triage_changed" }>,
  patch: Patch,
  names: Names,
): string[] {
  const { triage, decided } = event;
  const named = (fields: readonly TriageField[], say: (field: TriageField) => string | undefined) =>
    list(fields.flatMap((field) => say(field) ?? []));
  if (decided !== undefined && Object.keys(decided).length > 0) {
    const judged = named(TRIAGE_FIELDS, (field) => {
      const decision = decided[field];
      return decision && `${strings.details[field].toLowerCase()} ${strings.triage.decisions[decision]}`;
    });
    return [strings.triage.decidedIn(judged), ...changes(patch, names)];
  }
  if (triage.state === "waiting") return [];
  const what = named(TRIAGE_FIELDS, (field) => {
    const text = proposedText(triage, field, names.info);
    return text === null ? undefined : `${strings.details[field].toLowerCase()} ${text}`;
  });
  const set = changes(patch, names).map((said) => `${said} (${strings.triage.setBy})`);
  return what === "" ? set : [strings.triage.proposed(what), ...set];
}

function orChanged(sentences: string[]): string[] {
  return sentences.length > 0 ? sentences : [strings.events.changed];
}

/** What a patch says, field by field. */
export function changes(patch: Patch, names: Names): string[] {
  const words = strings.events;
  const said: string[] = [];
  if (patch.status !== undefined) said.push(words.set(words.field.status, strings.status[patch.status]));
  if (patch.priority !== undefined)
    said.push(words.set(words.field.priority, strings.priority[patch.priority]));
  if (patch.assignee !== undefined) {
    said.push(patch.assignee === null ? words.tookOff : words.assigned(names.person(patch.assignee)));
  }
  if (patch.team !== undefined) said.push(named(words.field.team, patch.team, names.info.teams));
  if (patch.category !== undefined)
    said.push(named(words.field.category, patch.category, names.info.categories));
  if (patch.tags !== undefined) {
    said.push(
      patch.tags.length === 0
        ? words.cleared(words.field.tags)
        : words.set(words.field.tags, patch.tags.join(", ")),
    );
  }
  if (patch.subject !== undefined) said.push(words.renamed(patch.subject));
  if (patch.snoozed_until !== undefined) {
    said.push(
      patch.snoozed_until === null
        ? words.woke
        : words.snoozed(whenSoon(patch.snoozed_until, Date.parse(patch.updated_at ?? patch.snoozed_until))),
    );
  }
  return said;
}

function named(field: string, value: string | null, options: { id: string; name: string }[]): string {
  if (value === null) return strings.events.cleared(field);
  return strings.events.set(field, options.find((option) => option.id === value)?.name ?? value);
}
