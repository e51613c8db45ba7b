import { type FormEvent, useState } from "react";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import { Dialog, DialogForm } from "@/components/ui/dialog";
import { TextArea } from "@/components/ui/text-area";
import { TextField } from "@/components/ui/text-field";
import { type Owner, ownerOf } from "@/desk/collection";
import { CollectionList } from "@/desk/collection-list";
import { useDesk } from "@/desk/desk-context";
import { type Macro, VARIABLES } from "@/desk/macros";
import { newId } from "@/desk/new-id";
import { OwnerField } from "@/desk/owner-field";
import { problemText } from "@/desk/refusal-text";
import { useCollection } from "@/desk/use-live";
import { asProblem } from "@/sync/problem-error";

/** Writes, changes, shares and removes macros. */
export function MacroSettings() {
  const { macros } = useDesk();
  const all = useCollection(macros);
  const [edited, setEdited] = useState<Macro | null>(null);

  return (
    <>
      <div>
        <Button variant="primary" onClick={() => setEdited({ id: newId(), name: "", body: "" })}>
          {strings.macros.add}
        </Button>
      </div>
      {all.length === 0 ? (
        <p className="text-ink-3 text-sm">{strings.macros.none}</p>
      ) : (
        <CollectionList label={strings.settings.sections.macros} collection={macros} onEdit={setEdited}>
          {(macro) => ({ name: <span className="truncate">{macro.name}</span>, below: macro.body })}
        </CollectionList>
      )}
      {edited === null ? null : <MacroDialog macro={edited} onClose={() => setEdited(null)} />}
    </>
  );
}

function MacroDialog({ macro, onClose }: { macro: Macro; onClose: () => void }) {
  const { macros } = useDesk();
  const [name, setName] = useState(macro.name);
  const [body, setBody] = useState(macro.body);
  const [owner, setOwner] = useState<Owner>(ownerOf(macro));
  const [error, setError] = useState<string | null>(null);
  const empty = name.trim() === "" || body.trim() === "";
  async function submit(event: FormEvent) {
    event.preventDefault();
    if (empty) return;
    try {
      await macros.put({ id: macro.id, name: name.trim(), body: body.trim() }, owner);
      onClose();
    } catch (failure) {
      setError(problemText(asProblem(failure)));
    }
  }
  return (
    <Dialog open onOpenChange={onClose} title={strings.macros.title}>
      <DialogForm
        onSubmit={submit}
        actions={
          <Button type="submit" variant="primary" disabled={empty}>
            {strings.settings.save}
          </Button>
        }
      >
        <TextField
          label={strings.macros.name}
          value={name}
          onChange={(event) => setName(event.target.value)}
          maxLength={60}
          autoFocus
        />
        <TextArea
          label={strings.macros.body}
          rows={6}
          value={body}
          onChange={(event) => setBody(event.target.value)}
        />
        <div className="flex flex-wrap gap-1.5">
          {VARIABLES.map((variable) => (
            <Button key={variable} size="sm" onClick={() => setBody(`${body}{{${variable}}}`)}>
              {`{{${variable}}}`}
            </Button>
          ))}
        </div>
        <OwnerField owner={owner} onChange={setOwner} />
        {error === null ? null : (
          <p role="alert" className="text-danger text-sm">
            {error}
          </p>
        )}
      </DialogForm>
    </Dialog>
  );
}
