import { type FormEvent, useState } from "react";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { TextField } from "@/components/ui/text-field";
import { useDesk } from "@/desk/desk-context";
import { newId } from "@/desk/new-id";
import type { BaseView } from "@/desk/views";

/** Keeps a view and its filters under a name. */
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
  function submit(event: FormEvent) {
    event.preventDefault();
    if (name.trim() === "") return;
    const id = newId().slice(0, 8);
    savedViews.add({ id, name: name.trim(), base, search });
    onSaved(id);
  }
  return (
    <Dialog open onOpenChange={onClose} title={strings.filters.saveTitle}>
      <form onSubmit={submit} className="flex flex-col gap-4 px-4 pb-4">
        <TextField
          label={strings.filters.name}
          hint={strings.filters.saveHint}
          value={name}
          onChange={(event) => setName(event.target.value)}
          maxLength={60}
          autoFocus
        />
        <div className="flex justify-end">
          <Button type="submit" variant="primary" disabled={name.trim() === ""}>
            {strings.filters.saveSubmit}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
