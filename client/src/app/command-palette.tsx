import { Command, defaultFilter } from "cmdk";
import { Search } from "lucide-react";
import { useMemo, useState, useSyncExternalStore } from "react";
import { useLocation } from "wouter";
import { Avatar } from "@/components/ui/avatar";
import { Dialog } from "@/components/ui/dialog";
import { Kbd } from "@/components/ui/kbd";
import { StatusIcon } from "@/components/ui/status-icon";
import { useDesk } from "@/desk/desk-context";
import { useSavedViews } from "@/desk/use-live";
import { FIXED_VIEWS, type ViewId } from "@/desk/views";
import { type Section, useActionRegistry } from "@/keyboard/actions";
import { strings } from "./strings/strings";

const SECTIONS: Section[] = ["ticket", "tickets", "app", "go"];
const TICKETS_SHOWN = 8;

const ITEM =
  "flex h-9 cursor-pointer items-center gap-2.5 rounded-md px-2.5 text-sm data-[selected=true]:bg-hover coarse:h-11";
const GROUP =
  "[&_[cmdk-group-heading]]:px-2.5 [&_[cmdk-group-heading]]:pt-2 [&_[cmdk-group-heading]]:pb-1 [&_[cmdk-group-heading]]:font-medium [&_[cmdk-group-heading]]:text-2xs [&_[cmdk-group-heading]]:text-ink-3";

/** Everything that can be done or opened, found by typing; each with the key that does it without. */
const EVERYWHERE = "everywhere: ";
const LAST = 1e-6;

export function CommandPalette({ onClose }: { onClose: () => void }) {
  const { sync, info, people } = useDesk();
  const saved = useSavedViews();
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
    ...saved.map((own) => ({ id: `saved-${own.id}` as const, title: own.name })),
  ];
  const colleagues = [...people.values()].filter((person) => person.active);

  const choose = (run: () => void) => {
    onClose();
    // After the dialog has given the focus back, so that the action's own focus stays.
    setTimeout(run, 0);
  };

  return (
    <Dialog open onOpenChange={onClose} title={strings.palette.label} titleHidden>
      <Command
        label={strings.palette.label}
        loop
        // Searching everything is what is left when nothing else is meant.
        filter={(value, words, more) =>
          value.startsWith(EVERYWHERE) ? LAST : defaultFilter(value, words, more)
        }
        className="flex min-h-0 flex-col"
      >
        <Command.Input
          autoFocus
          value={text}
          onValueChange={setText}
          placeholder={strings.palette.placeholder}
          className="h-12 shrink-0 border-b bg-transparent px-4 text-base outline-none placeholder:text-ink-3"
        />
        <Command.List className="scroll-thin max-h-[24rem] overflow-y-auto p-1.5">
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
          <Command.Group heading={strings.palette.views} className={GROUP}>
            {views.map((view) => (
              <Command.Item
                key={view.id}
                value={`${strings.actions.goTo(view.title)} ${view.id}`}
                onSelect={() => choose(() => navigate(`/inbox/${view.id}`))}
                className={ITEM}
              >
                {strings.actions.goTo(view.title)}
              </Command.Item>
            ))}
          </Command.Group>
          {text.trim() === "" ? null : (
            <Command.Group heading={strings.palette.people} className={GROUP}>
              {colleagues.map((person) => (
                <Command.Item
                  key={person.id}
                  value={`${person.name} ${person.id}`}
                  onSelect={() =>
                    choose(() => navigate(`/inbox/open?assignee=${encodeURIComponent(person.id)}`))
                  }
                  className={ITEM}
                >
                  <Avatar name={person.name} size="xs" />
                  <span className="flex-1">{strings.palette.ticketsOf(person.name)}</span>
                </Command.Item>
              ))}
            </Command.Group>
          )}
          {text.trim() === "" ? null : (
            <Command.Group className={GROUP}>
              <Command.Item
                value={`${EVERYWHERE}${text}`}
                onSelect={() => choose(() => navigate(`/search?q=${encodeURIComponent(text.trim())}`))}
                className={ITEM}
              >
                <Search className="size-4 text-ink-3" />
                <span className="flex-1 truncate">{strings.palette.searchFor(text.trim())}</span>
                <Kbd keys="/" className="inline-flex text-ink-3" />
              </Command.Item>
            </Command.Group>
          )}
        </Command.List>
      </Command>
    </Dialog>
  );
}
