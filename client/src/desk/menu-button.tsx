import { PanelLeft } from "lucide-react";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";

/** Opens the navigation where there is no room for it beside the screen. */
export function MenuButton({ onMenu }: { onMenu: () => void }) {
  return (
    <Button
      variant="ghost"
      size="icon"
      className="-ml-1.5 lg:hidden"
      onClick={onMenu}
      aria-label={strings.nav.open}
    >
      <PanelLeft className="size-4" />
    </Button>
  );
}
