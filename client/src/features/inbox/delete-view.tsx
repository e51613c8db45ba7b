import { BookmarkX } from "lucide-react";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import { Tooltip } from "@/components/ui/tooltip";
import { removeFrom, useMayChange } from "@/desk/collection-list";
import { useDesk } from "@/desk/desk-context";
import type { View } from "@/desk/saved-views";

export function DeleteView({ view }: { view: View }) {
  const { savedViews } = useDesk();
  const mayChange = useMayChange();
  if (!mayChange(view)) return null;
  return (
    <Tooltip label={strings.filters.deleteView}>
      <Button
        variant="ghost"
        size="icon"
        aria-label={strings.filters.deleteView}
        onClick={() => void removeFrom(savedViews, view)}
      >
        <BookmarkX className="size-4" />
      </Button>
    </Tooltip>
  );
}
