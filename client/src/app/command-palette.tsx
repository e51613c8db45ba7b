import { Command } from "cmdk";
import { useMemo, useState, useSyncExternalStore } from "react";
import { useLocation } from "wouter";
import { Dialog } from "@/components/ui/dialog";
import { Kbd } from "@/components/ui/kbd";
import { StatusIcon } from "@/components/ui/status-icon";
import { useDesk } from "@/desk/desk-context";
import { FIXED_VIEWS, type ViewId } from "@/desk/views";
import { type Section, useActionRegistry } from "@/keyboard/actions";
import { strings } from "./strings/strings";

const SECTIONS: Section[] = ["ticket", "tickets", "app"];
const TICKETS_SHOWN = 8;

const ITEM =
  "flex h-9 cursor-pointer items-center gap-2.5 rounded-md px-2.5 text-sm data-[selected=true]:bg-hover coarse:h-11";
const GROUP =
  "[&_[cmdk-group-heading]]:px-2.5 [&_[cmdk-group-heading]]:pt-2 [&_[cmdk-group-heading]]:pb-1 [&_[cmdk-group-heading]]:font-medium [&_[cmdk-group-heading]]:text-2xs [&_[cmdk-group-heading]]:text-ink-3";

/** Everything that can be done or opened, found by typing; each with the key that does it without. */
export function CommandPalette({ onClose }: { onClose: () => void }) {
  const { sync, info } = useDesk();
  const [, navigate] = useLocation();
  const { all } = useActionRegistry();
  const actions = useSyncExternalStore(all.subscribe, all.get);
  const [text, setText] = useState("");

  const found = useMemo(() => {
    const words = text.trim().toLowerCase();
    const byNumber = /^#?(\d+)$/.exec(words);
    if (byNumber)
      return sync.tickets.find((ticket) => String(ticket.id).startsWith(byNumber[1] ?? ""), TICKETS_SHOWN);
    if (words.length < 2) return [];
    return sync.tickets.find(
      (ticket) =>
        ticket.subject.toLowerCase().includes(words) || ticket.requester.name.toLowerCase().includes(words),
      TICKETS_SHOWN,
    );
  }, [sync, text]);

  const views: { id: ViewId; title: string }[] = [
    ...FIXED_VIEWS.map((id) => ({ id, title: strings.views[id] })),
    ...info.teams.map((team) => ({ id: `team-${team.id}` as const, title: team.name })),
  ];

  const choose = (run: () => void) => {
    onClose();
    // After the dialog has given the focus back, so that the action's own focus stays.
    setTimeout(run, 0);
  };

  return (
    <Dialog open onOpenChange={onClose} title={strings.palette.label} titleHidden>
      <Command label={strings.palette.label} loop className="flex min-h-0 flex-col">
        <Command.Input
          autoFocus
          value={text}
          onValueChange={setText}
          placeholder={strings.palette.placeholder}
          className="h-12 shrink-0 border-b bg-transparent px-4 text-base outline-none placeholder:text-ink-3"
        />
        <Command.List className="scroll-thin max-h-[24rem] overflow-y-auto p-1.5">
          <Command.Empty className="py-8 text-center text-ink-3 text-sm">
            {strings.palette.nothing}
          </Command.Empty>
          {found.length > 0 ? (
            <Command.Group heading={strings.palette.tickets} className={GROUP} forceMount>
              {found.map((ticket) => (
                <Command.Item
                  key={ticket.id}
                  value={`ticket ${ticket.id}`}
                  forceMount
                  onSelect={() => choose(() => navigate(`/tickets/${ticket.id}`))}
                  className={ITEM}
                >
                  <StatusIcon status={ticket.status} labelled />
                  <span className="text-ink-3 tabular-nums">#{ticket.id}</span>
                  <span className="min-w-0 flex-1 truncate">{ticket.subject}</span>
                  <span className="max-w-32 truncate text-ink-3 text-xs">{ticket.requester.name}</span>
                </Command.Item>
              ))}
            </Command.Group>
          ) : null}
          {SECTIONS.map((section) => {
            const offered = actions.filter((action) => action.section === section && action.id !== "palette");
            if (offered.length === 0) return null;
            return (
              <Command.Group key={section} heading={strings.actions.sections[section]} className={GROUP}>
                {offered.map((action) => (
                  <Command.Item
                    key={action.id}
                    value={`${action.title} ${action.words ?? ""}`}
                    onSelect={() => choose(action.run)}
                    className={ITEM}
                  >
                    <span className="flex-1">{action.title}</span>
                    {action.keys ? <Kbd keys={action.keys} className="inline-flex text-ink-3" /> : null}
                  </Command.Item>
                ))}
              </Command.Group>
            );
          })}
          <Command.Group heading={strings.actions.sections.go} className={GROUP}>
            {views.map((view) => (
              <Command.Item
                key={view.id}
                value={strings.actions.goTo(view.title)}
                onSelect={() => choose(() => navigate(`/inbox/${view.id}`))}
                className={ITEM}
              >
                {strings.actions.goTo(view.title)}
              </Command.Item>
            ))}
            <Command.Item
              value={strings.actions.goTo(strings.nav.queue)}
              onSelect={() => choose(() => navigate("/queue"))}
              className={ITEM}
            >
              {strings.actions.goTo(strings.nav.queue)}
            </Command.Item>
          </Command.Group>
        </Command.List>
      </Command>
    </Dialog>
  );
}
