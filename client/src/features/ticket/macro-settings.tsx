import { type FormEvent, useState, useSyncExternalStore } from "react";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { TextArea } from "@/components/ui/text-area";
import { TextField } from "@/components/ui/text-field";
import { useDesk } from "@/desk/desk-context";
import { type Macro, VARIABLES } from "@/desk/macros";
import { newId } from "@/desk/new-id";
import { problemText } from "@/desk/refusal-text";
import { type Owner, ownerOf, ShareField, teamOf, useOwnerName } from "@/desk/share-field";
import { errorToast, toast } from "@/desk/toast";
import { asProblem } from "@/sync/problem-error";

function refused(error: unknown): void {
  const problem = asProblem(error);
  errorToast(strings.problems.title, {
    description: problemText(problem),
  });
}

/** Writes, changes, shares and removes macros. */
export function MacroSettings() {
  const { macros, me } = useDesk();
  const all = useSyncExternalStore(macros.all.subscribe, macros.all.get);
  const ownerName = useOwnerName();
  const [edited, setEdited] = useState<Macro | null>(null);
  const mayShare = me.permissions.includes("shared_write");

  const put = async (macro: Macro, owner: Owner) => {
    if (owner === "me") macros.put(macro);
    else await macros.share(macro, teamOf(owner));
  };
  const remove = async (macro: Macro) => {
    if (macro.shared === undefined) macros.remove(macro.id);
    else await macros.unshare(macro.id);
  };
  /** A macro that gets another owner leaves the old one once the new one has it. */
  const save = async (before: Macro, after: Macro, owner: Owner) => {
    await put(after, owner);
    const moved = (ownerOf(before) === "me") !== (owner === "me");
    if (moved && all.some((macro) => macro.id === before.id)) await remove(before);
    setEdited(null);
  };

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
          <li key={macro.id} className="flex min-h-13 items-center gap-3 border-b py-2">
            <span className="min-w-0 flex-1">
              <span className="flex min-w-0 items-center gap-2">
                <span className="truncate font-medium text-sm">{macro.name}</span>
                {macro.shared === undefined ? null : (
                  <span className="shrink-0 rounded-full bg-hover px-2 text-2xs text-ink-2">
                    {ownerName(macro)}
                  </span>
                )}
              </span>
              <span className="block truncate text-ink-3 text-xs">{macro.body}</span>
            </span>
            {macro.shared !== undefined && !mayShare ? null : (
              <>
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
                    remove(macro)
                      .then(() =>
                        toast(strings.macros.removed(macro.name), {
                          action: {
                            label: strings.actions.undo,
                            onClick: () => void put(macro, ownerOf(macro)).catch(refused),
                          },
                        }),
                      )
                      .catch(refused);
                  }}
                >
                  {strings.macros.remove}
                </Button>
              </>
            )}
          </li>
        ))}
      </ul>
      {edited === null ? null : (
        <MacroDialog
          macro={edited}
          onSave={(macro, owner) => save(edited, macro, owner)}
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
  onSave: (macro: Macro, owner: Owner) => Promise<void>;
  onClose: () => void;
}) {
  const [name, setName] = useState(macro.name);
  const [body, setBody] = useState(macro.body);
  const [owner, setOwner] = useState<Owner>(ownerOf(macro));
  const [error, setError] = useState<string | null>(null);
  const empty = name.trim() === "" || body.trim() === "";
  async function submit(event: FormEvent) {
    event.preventDefault();
    if (empty) return;
    try {
      await onSave({ id: macro.id, name: name.trim(), body: body.trim() }, owner);
    } catch (failure) {
      const problem = asProblem(failure);
      setError(problemText(problem));
    }
  }
  return (
    <Dialog open onOpenChange={onClose} title={strings.macros.title}>
      <form onSubmit={submit} className="scroll-thin flex flex-col gap-4 overflow-y-auto px-4 pb-4">
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
        <ShareField owner={owner} onChange={setOwner} />
        {error === null ? null : (
          <p role="alert" className="text-danger text-sm">
            {error}
          </p>
        )}
        <div className="flex justify-end">
          <Button type="submit" variant="primary" disabled={empty}>
            {strings.settings.save}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
