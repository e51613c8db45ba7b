import { BookmarkX } from "lucide-react";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import { Tooltip } from "@/components/ui/tooltip";
import { useDesk } from "@/desk/desk-context";
import { problemText } from "@/desk/refusal-text";
import type { View } from "@/desk/saved-views";
import { errorToast, toast } from "@/desk/toast";
import { asProblem } from "@/sync/problem-error";

/** Takes a view away, a shared one for everybody who had it; the toast brings it back. */
export function DeleteView({ view }: { view: View }) {
  const { savedViews, me } = useDesk();
  if (view.shared !== undefined && !me.permissions.includes("shared_write")) return null;
  const { shared } = view;
  const again = async () => {
    if (shared === undefined) savedViews.add(view);
    else await savedViews.share(view, shared.team);
  };
  const remove = async () => {
    if (shared === undefined) savedViews.remove(view.id);
    else await savedViews.unshare(view.id);
    toast(strings.filters.deleted(view.name), {
      action: { label: strings.actions.undo, onClick: () => void again().catch(refused) },
    });
  };
  return (
    <Tooltip label={strings.filters.deleteView}>
      <Button
        variant="ghost"
        size="icon"
        aria-label={strings.filters.deleteView}
        onClick={() => void remove().catch(refused)}
      >
        <BookmarkX className="size-4" />
      </Button>
    </Tooltip>
  );
}

function refused(error: unknown): void {
  const problem = asProblem(error);
  errorToast(strings.problems.title, {
    description: problemText(problem),
  });
}
