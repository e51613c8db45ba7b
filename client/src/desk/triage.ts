import { strings } from "@/app/strings/strings";
import type { DeskInfo, Patch, Ticket, Triage, TriageField, TriageValues } from "@/protocol/types";

export const TRIAGE_FIELDS: readonly TriageField[] = ["category", "priority", "tags"];

/** Whether a value is proposed for this field. */
export function proposes(triage: Triage, field: TriageField): boolean {
  return field === "tags" ? triage.tags.length > 0 : triage[field] !== null;
}

/** Whether the field is proposed and nobody has said anything to it. */
export function isOpen(triage: Triage, field: TriageField): boolean {
  return proposes(triage, field) && triage.decided?.[field] === undefined;
}

export function openFields(triage: Triage): TriageField[] {
  return TRIAGE_FIELDS.filter((field) => isOpen(triage, field));
}

/** What is proposed, in words; null for nothing. */
export function proposedText(
  triage: Triage,
  field: TriageField,
  info: Pick<DeskInfo, "categories">,
): string | null {
  if (field === "tags") return triage.tags.length === 0 ? null : triage.tags.join(", ");
  if (field === "priority") return triage.priority === null ? null : strings.priority[triage.priority.value];
  const category = triage.category?.value;
  if (category === undefined) return null;
  return info.categories.find((option) => option.id === category)?.name ?? category;
}

/** What accepting these fields makes of the ticket, as the server will. */
export function afterAccepting(
  ticket: Ticket,
  fields: readonly TriageField[],
  edits: TriageValues = {},
): Patch {
  const { triage } = ticket;
  if (triage === null) return {};
  const patch: Patch = {};
  const decided = { ...triage.decided };
  for (const field of fields) {
    const edited = edits[field] !== undefined;
    decided[field] = edited ? "edited" : "accepted";
    if (field === "tags") patch.tags = [...new Set([...ticket.tags, ...(edits.tags ?? triage.tags)])].sort();
    else if (field === "category")
      patch.category = edits.category ?? triage.category?.value ?? ticket.category;
    else patch.priority = edits.priority ?? triage.priority?.value ?? ticket.priority;
  }
  return { ...patch, triage: settled({ ...triage, decided }) };
}

/** What rejecting makes of it: what the machine had set by itself goes back. */
export function afterRejecting(ticket: Ticket, fields: readonly TriageField[]): Patch {
  const { triage } = ticket;
  if (triage === null) return {};
  const patch: Patch = {};
  const decided = { ...triage.decided };
  const applied = triage.applied ?? {};
  for (const field of fields) {
    decided[field] = "rejected";
    if (field === "category" && applied.category !== undefined) patch.category = applied.category;
    if (field === "priority" && applied.priority !== undefined) patch.priority = applied.priority;
    if (field === "tags" && applied.tags !== undefined) patch.tags = applied.tags;
  }
  return { ...patch, triage: settled({ ...triage, decided }) };
}

function settled(triage: Triage): Triage {
  if (openFields(triage).length > 0) return { ...triage, state: "proposed" };
  const decisions = TRIAGE_FIELDS.flatMap((field) => triage.decided?.[field] ?? []);
  if (decisions.length === 0) return triage;
  return { ...triage, state: decisions.some((one) => one !== "rejected") ? "accepted" : "rejected" };
}
