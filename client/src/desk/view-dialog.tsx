import { type FormEvent, useState } from "react";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import { Dialog, DialogForm } from "@/components/ui/dialog";
import { TextField } from "@/components/ui/text-field";
import { asProblem } from "@/sync/problem-error";
import { type Owner, ownerOf } from "./collection";
import { useDesk } from "./desk-context";
import { OwnerField } from "./owner-field";
import { problemText } from "./refusal-text";
import type { View } from "./saved-views";

/** Keeps a view and its filters under a name, for oneself or for others too; a new one as long as it has no name. */
export function ViewDialog({
  view,
  onClose,
  onSaved = onClose,
}: {
  view: View;
  onClose: () => void;
  onSaved?: () => void;
}) {
  const { savedViews } = useDesk();
  const isNew = view.name === "";
  const [name, setName] = useState(view.name);
  const [owner, setOwner] = useState<Owner>(ownerOf(view));
  const [error, setError] = useState<string | null>(null);
  async function submit(event: FormEvent) {
    event.preventDefault();
    if (name.trim() === "") return;
    try {
      await savedViews.put({ ...view, name: name.trim() }, owner);
      onSaved();
    } catch (failure) {
      setError(problemText(asProblem(failure)));
    }
  }
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={isNew ? strings.filters.saveTitle : strings.settings.editUser(view.name)}
    >
      <DialogForm
        onSubmit={submit}
        actions={
          <Button type="submit" variant="primary" disabled={name.trim() === ""}>
            {isNew ? strings.filters.saveSubmit : strings.settings.save}
          </Button>
        }
      >
        <TextField
          label={strings.filters.name}
          value={name}
          onChange={(event) => setName(event.target.value)}
          error={error}
          maxLength={60}
          autoFocus
        />
        <OwnerField owner={owner} onChange={setOwner} />
      </DialogForm>
    </Dialog>
  );
}
