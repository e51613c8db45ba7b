import type { ReactNode } from "react";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import { type Collection, type Item, type Owned, ownerOf } from "./collection";
import { useDesk } from "./desk-context";
import { useOwnerName } from "./owner-field";
import { problemToast } from "./refusal-text";
import { toast } from "./toast";
import { useCollection } from "./use-live";

/** Whether this user may change or remove it: what is shared, only who may share. */
export function useMayChange(): (item: Owned<unknown>) => boolean {
  const mayShare = useDesk().me.permissions.includes("shared_write");
  return (item) => item.shared === undefined || mayShare;
}

/** Removes it, a shared one for everybody who had it; the toast brings it back. */
export async function removeFrom<T extends Item>(collection: Collection<T>, item: Owned<T>): Promise<void> {
  try {
    await collection.remove(item);
  } catch (error) {
    problemToast(error);
    return;
  }
  toast(strings.share.removed(item.name), {
    action: {
      label: strings.actions.undo,
      onClick: () => void collection.put(item, ownerOf(item)).catch(problemToast),
    },
  });
}

/** What is one's own and what is shared, each with whose it is, to be changed and removed by who may. */
export function CollectionList<T extends Item>({
  label,
  collection,
  onEdit,
  children,
}: {
  label: string;
  collection: Collection<T>;
  onEdit: (item: Owned<T>) => void;
  /** Draws one: its name, and what else tells it from the others. */
  children: (item: Owned<T>) => { name: ReactNode; below?: ReactNode };
}) {
  const all = useCollection(collection);
  const ownerName = useOwnerName();
  const mayChange = useMayChange();
  return (
    <ul aria-label={label} className="border-t">
      {all.map((item) => {
        const { name, below } = children(item);
        const owner = ownerName(item);
        return (
          <li key={item.id} className="flex min-h-13 items-center gap-2 border-b py-2">
            <span className="min-w-0 flex-1">
              <span className="flex min-w-0 items-center gap-2 font-medium text-sm">
                {name}
                {owner === null ? null : (
                  <span className="shrink-0 rounded-full bg-hover px-2 font-normal text-2xs text-ink-2">
                    {owner}
                  </span>
                )}
              </span>
              {below === undefined ? null : (
                <span className="block truncate text-ink-3 text-xs">{below}</span>
              )}
            </span>
            {mayChange(item) ? (
              <>
                <Button
                  size="sm"
                  onClick={() => onEdit(item)}
                  aria-label={strings.settings.editUser(item.name)}
                >
                  {strings.settings.edit}
                </Button>
                <Button
                  size="sm"
                  variant="danger"
                  aria-label={strings.share.removeNamed(item.name)}
                  onClick={() => void removeFrom(collection, item)}
                >
                  {strings.share.remove}
                </Button>
              </>
            ) : null}
          </li>
        );
      })}
    </ul>
  );
}
