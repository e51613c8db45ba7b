import { useState } from "react";
import { Link } from "wouter";
import { strings } from "@/app/strings/strings";
import { Notice } from "@/components/ui/notice";
import { CollectionList } from "@/desk/collection-list";
import { useDesk } from "@/desk/desk-context";
import type { View } from "@/desk/saved-views";
import { useSavedViews } from "@/desk/use-live";
import { ViewDialog } from "@/desk/view-dialog";

/** Renames, shares and removes views; they are made in the inbox, out of its filters. */
export function SavedViews() {
  const { savedViews } = useDesk();
  const all = useSavedViews();
  const [edited, setEdited] = useState<View | null>(null);

  if (all.length === 0)
    return <Notice title={strings.settings.noViews} hint={strings.settings.noViewsHint} />;
  return (
    <>
      <CollectionList label={strings.settings.sections.views} collection={savedViews} onEdit={setEdited}>
        {(view) => ({
          name: (
            <Link
              href={`/inbox/saved-${view.id}`}
              className="truncate underline-offset-2 hover:underline coarse:py-2"
            >
              {view.name}
            </Link>
          ),
        })}
      </CollectionList>
      {edited === null ? null : <ViewDialog view={edited} onClose={() => setEdited(null)} />}
    </>
  );
}
