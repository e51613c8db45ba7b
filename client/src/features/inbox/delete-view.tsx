import { BookmarkX } from "lucide-react";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import { Tooltip } from "@/components/ui/tooltip";
import { useDesk } from "@/desk/desk-context";
import type { SavedView } from "@/desk/saved-views";
import { toast } from "@/desk/toast";

/** Takes a view of one's own away; the toast brings it back. */
export function DeleteView({ view }: { view: SavedView }) {
  const { savedViews } = useDesk();
  return (
    <Tooltip label={strings.filters.deleteView}>
      <Button
        variant="ghost"
        size="icon"
        aria-label={strings.filters.deleteView}
        onClick={() => {
          savedViews.remove(view.id);
          toast(strings.filters.deleted(view.name), {
            action: { label: strings.actions.undo, onClick: () => savedViews.add(view) },
          });
        }}
      >
        <BookmarkX className="size-4" />
      </Button>
    </Tooltip>
  );
}
