import { type FormEvent, useState } from "react";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { TextField } from "@/components/ui/text-field";
import { useDesk } from "@/desk/desk-context";
import { newId } from "@/desk/new-id";
import { problemText } from "@/desk/refusal-text";
import { type Owner, ShareField, teamOf } from "@/desk/share-field";
import type { BaseView } from "@/desk/views";
import { asProblem } from "@/sync/problem-error";

/** Keeps a view and its filters under a name, for oneself or for others too. */
export function SaveViewDialog({
  base,
  search,
  onClose,
  onSaved,
}: {
  base: BaseView;
  search: string;
  onClose: () => void;
  onSaved: (id: string) => void;
}) {
  const { savedViews } = useDesk();
  const [name, setName] = useState("");
  const [owner, setOwner] = useState<Owner>("me");
  const [error, setError] = useState<string | null>(null);
  async function submit(event: FormEvent) {
    event.preventDefault();
    if (name.trim() === "") return;
    const view = { id: newId().slice(0, 8), name: name.trim(), base, search };
    try {
      if (owner === "me") savedViews.add(view);
      else await savedViews.share(view, teamOf(owner));
      onSaved(view.id);
    } catch (failure) {
      const problem = asProblem(failure);
      setError(problemText(problem));
    }
  }
  return (
    <Dialog open onOpenChange={onClose} title={strings.filters.saveTitle}>
      <form onSubmit={submit} className="flex flex-col gap-4 px-4 pb-4">
        <TextField
          label={strings.filters.name}
          value={name}
          onChange={(event) => setName(event.target.value)}
          error={error}
          maxLength={60}
          autoFocus
        />
        <ShareField owner={owner} onChange={setOwner} />
        <div className="flex justify-end">
          <Button type="submit" variant="primary" disabled={name.trim() === ""}>
            {strings.filters.saveSubmit}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
