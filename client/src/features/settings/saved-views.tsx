import { type FormEvent, useState } from "react";
import { Link } from "wouter";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Notice } from "@/components/ui/notice";
import { TextField } from "@/components/ui/text-field";
import { useDesk } from "@/desk/desk-context";
import { problemText } from "@/desk/refusal-text";
import type { View } from "@/desk/saved-views";
import { type Owner, ownerOf, ShareField, teamOf, useOwnerName } from "@/desk/share-field";
import { errorToast, toast } from "@/desk/toast";
import { useSavedViews } from "@/desk/use-live";
import { asProblem } from "@/sync/problem-error";

/** Renames, shares and removes views; they are made in the inbox, out of its filters. */
export function SavedViews() {
  const { savedViews, me } = useDesk();
  const all = useSavedViews();
  const ownerName = useOwnerName();
  const [edited, setEdited] = useState<View | null>(null);
  const mayShare = me.permissions.includes("shared_write");

  const put = async (view: View, owner: Owner) => {
    if (owner === "me") savedViews.add(view);
    else await savedViews.share(view, teamOf(owner));
  };
  const remove = async (view: View) => {
    if (view.shared === undefined) savedViews.remove(view.id);
    else await savedViews.unshare(view.id);
  };
  const save = async (before: View, after: View, owner: Owner) => {
    await put(after, owner);
    // A view that gets another owner leaves the old one once the new one has it.
    if ((ownerOf(before) === "me") !== (owner === "me")) await remove(before);
    setEdited(null);
  };
  const takeAway = async (view: View) => {
    await remove(view);
    toast(strings.filters.deleted(view.name), {
      action: {
        label: strings.actions.undo,
        onClick: () => void put(view, ownerOf(view)).catch(refused),
      },
    });
  };

  if (all.length === 0)
    return <Notice title={strings.settings.noViews} hint={strings.settings.noViewsHint} />;
  return (
    <>
      <ul aria-label={strings.settings.sections.views} className="border-t">
        {all.map((view) => (
          <li key={view.id} className="flex min-h-13 items-center gap-3 border-b py-2">
            <span className="flex min-w-0 flex-1 items-center gap-2">
              <Link
                href={`/inbox/saved-${view.id}`}
                className="truncate font-medium text-sm underline-offset-2 hover:underline"
              >
                {view.name}
              </Link>
              {view.shared === undefined ? null : (
                <span className="shrink-0 rounded-full bg-hover px-2 text-2xs text-ink-2">
                  {ownerName(view)}
                </span>
              )}
            </span>
            {view.shared !== undefined && !mayShare ? null : (
              <>
                <Button
                  size="sm"
                  onClick={() => setEdited(view)}
                  aria-label={strings.settings.editUser(view.name)}
                >
                  {strings.settings.edit}
                </Button>
                <Button
                  size="sm"
                  variant="danger"
                  aria-label={strings.macros.removeNamed(view.name)}
                  onClick={() => void takeAway(view).catch(refused)}
                >
                  {strings.macros.remove}
                </Button>
              </>
            )}
          </li>
        ))}
      </ul>
      {edited === null ? null : (
        <ViewDialog
          view={edited}
          onSave={(view, owner) => save(edited, view, owner)}
          onClose={() => setEdited(null)}
        />
      )}
    </>
  );
}

function refused(error: unknown): void {
  const problem = asProblem(error);
  errorToast(strings.problems.title, {
    description: problemText(problem),
  });
}

function ViewDialog({
  view,
  onSave,
  onClose,
}: {
  view: View;
  onSave: (view: View, owner: Owner) => Promise<void>;
  onClose: () => void;
}) {
  const [name, setName] = useState(view.name);
  const [owner, setOwner] = useState<Owner>(ownerOf(view));
  const [error, setError] = useState<string | null>(null);
  async function submit(event: FormEvent) {
    event.preventDefault();
    try {
      await onSave({ ...view, name: name.trim() }, owner);
    } catch (failure) {
      const problem = asProblem(failure);
      setError(problemText(problem));
    }
  }
  return (
    <Dialog open onOpenChange={onClose} title={strings.settings.editUser(view.name)}>
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
            {strings.settings.save}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
