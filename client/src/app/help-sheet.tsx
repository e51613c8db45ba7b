import { useSyncExternalStore } from "react";
import { Dialog } from "@/components/ui/dialog";
import { Kbd } from "@/components/ui/kbd";
import { type Section, useActionRegistry } from "@/keyboard/actions";
import { strings } from "./strings/strings";

const SECTIONS: Section[] = ["tickets", "ticket", "go", "app"];

/** The keys that work right now: drawn from what is offered, so that it cannot be out of date. */
export function HelpSheet({ onClose }: { onClose: () => void }) {
  const { all } = useActionRegistry();
  const actions = useSyncExternalStore(all.subscribe, all.get);
  return (
    <Dialog open onOpenChange={onClose} title={strings.help.title}>
      <div
        // biome-ignore lint/a11y/noNoninteractiveTabindex: whoever has no mouse scrolls with the arrows
        tabIndex={0}
        data-reading=""
        className="scroll-thin gap-8 overflow-y-auto px-4 pb-5 outline-none sm:columns-2"
      >
        {SECTIONS.map((section) => {
          const offered = actions.filter((action) => action.section === section && action.keys !== undefined);
          if (offered.length === 0) return null;
          return (
            <section key={section} className="break-inside-avoid pb-4">
              <h3 className="pb-1 font-medium text-2xs text-ink-3">{strings.actions.sections[section]}</h3>
              <ul>
                {offered.map((action) => (
                  <li key={action.id} className="flex h-7 items-center justify-between gap-3 text-sm">
                    {action.title}
                    <span className="sr-only">{action.keys}</span>
                    <Kbd keys={action.keys ?? ""} className="inline-flex text-ink-2" />
                  </li>
                ))}
              </ul>
            </section>
          );
        })}
        <p className="text-ink-3 text-xs">{strings.help.hint}</p>
      </div>
    </Dialog>
  );
}
