import { useState } from "react";
import { strings } from "@/app/strings/strings";
import { Dialog } from "@/components/ui/dialog";
import { SelectField } from "@/components/ui/select-field";
import { TicketPicker } from "@/desk/ticket-picker";
import { useTicketActions } from "@/desk/use-ticket-actions";
import type { LinkKind, Ticket } from "@/protocol/types";

/** `merged_from` is written by merging alone. */
const KINDS: LinkKind[] = ["related", "caused_by", "causes", "duplicate_of", "duplicated_by"];

export type Relation = "merge" | "link";

/** Finds the other ticket, and merges this one into it or links the two. */
export function RelateDialog({
  ticket,
  relation,
  onClose,
}: {
  ticket: Ticket;
  relation: Relation;
  onClose: () => void;
}) {
  const actions = useTicketActions();
  const [kind, setKind] = useState<LinkKind>("related");
  const merging = relation === "merge";
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={merging ? strings.relate.mergeTitle(ticket.id) : strings.relate.linkTitle(ticket.id)}
    >
      <div className="scroll-thin flex flex-col gap-4 overflow-y-auto px-4 pb-4">
        {merging ? (
          <p className="text-ink-2 text-sm">{strings.relate.mergeHint}</p>
        ) : (
          <SelectField
            label={strings.relate.kind}
            value={kind}
            onChange={(event) => setKind(event.target.value as LinkKind)}
            options={KINDS.map((value) => ({ value, name: strings.details.link[value] }))}
          />
        )}
        <TicketPicker
          accepts={(other) =>
            other.id !== ticket.id &&
            other.status !== "closed" &&
            (merging || !ticket.links.some((link) => link.to === other.id && link.kind === kind))
          }
          onChoose={(other) => {
            onClose();
            if (merging) actions.merge(ticket.id, other.id);
            else actions.link(ticket.id, other.id, kind);
          }}
        />
      </div>
    </Dialog>
  );
}
