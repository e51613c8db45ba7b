import { type FormEvent, useState, useSyncExternalStore } from "react";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { TextField } from "@/components/ui/text-field";
import { useDesk } from "@/desk/desk-context";
import { type Macro, VARIABLES } from "@/desk/macros";
import { newId } from "@/desk/new-id";
import { toast } from "@/desk/toast";

/** Writes, changes and removes macros. */
export function MacroSettings() {
  const { macros } = useDesk();
  const all = useSyncExternalStore(macros.all.subscribe, macros.all.get);
  const [edited, setEdited] = useState<Macro | null>(null);
  return (
    <>
      <div>
        <Button variant="primary" onClick={() => setEdited({ id: newId(), name: "", body: "" })}>
          {strings.macros.add}
        </Button>
      </div>
      {all.length === 0 ? <p className="text-ink-3 text-sm">{strings.macros.none}</p> : null}
      <ul aria-label={strings.settings.sections.macros} className="border-t">
        {all.map((macro) => (
          <li key={macro.id} className="flex items-center gap-3 border-b py-2">
            <span className="min-w-0 flex-1">
              <span className="block truncate font-medium text-sm">{macro.name}</span>
              <span className="block truncate text-ink-3 text-xs">{macro.body}</span>
            </span>
            <Button
              size="sm"
              onClick={() => setEdited(macro)}
              aria-label={strings.settings.editUser(macro.name)}
            >
              {strings.settings.edit}
            </Button>
            <Button
              size="sm"
              variant="danger"
              aria-label={strings.macros.removeNamed(macro.name)}
              onClick={() => {
                macros.remove(macro.id);
                toast(strings.macros.removed(macro.name), {
                  action: { label: strings.actions.undo, onClick: () => macros.put(macro) },
                });
              }}
            >
              {strings.macros.remove}
            </Button>
          </li>
        ))}
      </ul>
      {edited === null ? null : (
        <MacroDialog
          macro={edited}
          onSave={(macro) => {
            macros.put(macro);
            setEdited(null);
          }}
          onClose={() => setEdited(null)}
        />
      )}
    </>
  );
}

function MacroDialog({
  macro,
  onSave,
  onClose,
}: {
  macro: Macro;
  onSave: (macro: Macro) => void;
  onClose: () => void;
}) {
  const [name, setName] = useState(macro.name);
  const [body, setBody] = useState(macro.body);
  const empty = name.trim() === "" || body.trim() === "";
  function submit(event: FormEvent) {
    event.preventDefault();
    if (!empty) onSave({ id: macro.id, name: name.trim(), body: body.trim() });
  }
  return (
    <Dialog open onOpenChange={onClose} title={strings.macros.title}>
      <form onSubmit={submit} className="flex flex-col gap-4 px-4 pb-4">
        <TextField
          label={strings.macros.name}
          value={name}
          onChange={(event) => setName(event.target.value)}
          maxLength={60}
          autoFocus
        />
        <label className="flex flex-col gap-1.5 font-medium text-ink-2 text-sm">
          {strings.macros.body}
          <textarea
            rows={6}
            value={body}
            onChange={(event) => setBody(event.target.value)}
            className="scroll-thin resize-y rounded-md border border-line-strong bg-surface px-3 py-2 font-normal text-base text-ink"
          />
        </label>
        <div className="flex flex-wrap gap-1.5">
          {VARIABLES.map((variable) => (
            <Button key={variable} size="sm" onClick={() => setBody(`${body}{{${variable}}}`)}>
              {`{{${variable}}}`}
            </Button>
          ))}
        </div>
        <div className="flex justify-end">
          <Button type="submit" variant="primary" disabled={empty}>
            {strings.settings.save}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
