import { Command, defaultFilter } from "cmdk";
import { Search } from "lucide-react";
import { type ReactNode, useLayoutEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { useLocation } from "wouter";
import { Avatar } from "@/components/ui/avatar";
import { Dialog } from "@/components/ui/dialog";
import { Kbd } from "@/components/ui/kbd";
import { StatusIcon } from "@/components/ui/status-icon";
import { useDesk } from "@/desk/desk-context";
import { useSavedViews } from "@/desk/use-live";
import { FIXED_VIEWS, type ViewId } from "@/desk/views";
import { type Section, useActionRegistry } from "@/keyboard/actions";
import type { Ticket } from "@/protocol/types";
import { strings } from "./strings/strings";

const SECTIONS: Section[] = ["ticket", "tickets", "app", "go"];
const TICKETS_SHOWN = 8;
const SHOWN = 40;
/** What a ticket's text must be better by to come before what can be done. */
const TICKET_WEIGHT = 0.7;

const ITEM =
  "flex h-9 cursor-pointer items-center gap-2.5 rounded-md px-2.5 text-sm hover:bg-hover data-[selected=true]:bg-press coarse:h-11";
const GROUP =
  "[&_[cmdk-group-heading]]:px-2.5 [&_[cmdk-group-heading]]:pt-2 [&_[cmdk-group-heading]]:pb-1 [&_[cmdk-group-heading]]:font-medium [&_[cmdk-group-heading]]:text-2xs [&_[cmdk-group-heading]]:text-ink-3";

/** Something that can be chosen. */
interface Entry {
  key: string;
  /** Under which it stands as long as nothing is typed. */
  heading: string;
  /** How well it is what was typed; 0 is not at all. */
  score: number;
  shown: ReactNode;
  run: () => void;
}

/** Everything that can be done or opened, found by typing; each with the key that does it without. */
export function CommandPalette({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState("");
  const list = useRef<HTMLDivElement>(null);
  const entries = useEntries(text.trim());
  const [selected, setSelected] = useState("");
  // biome-ignore lint/correctness/useExhaustiveDependencies: other words begin at the best of what they find
  useLayoutEffect(() => {
    setSelected(entries[0]?.key ?? "");
    if (list.current !== null) list.current.scrollTop = 0;
  }, [text]);

  const item = ({ key, run, shown }: Entry) => (
    <Command.Item
      key={key}
      value={key}
      onSelect={() => {
        onClose();
        // After the dialog has given the focus back, so that the action's own focus stays.
        setTimeout(run, 0);
      }}
      className={ITEM}
    >
      {shown}
    </Command.Item>
  );

  return (
    <Dialog open onOpenChange={onClose} title={strings.palette.label} titleHidden>
      <Command
        label={strings.palette.label}
        loop
        // A mouse that only rests there must not choose what comes to lie under it.
        disablePointerSelection
        shouldFilter={false}
        value={selected}
        onValueChange={setSelected}
        className="flex min-h-0 flex-col"
      >
        <Command.Input
          autoFocus
          value={text}
          onValueChange={setText}
          placeholder={strings.palette.placeholder}
          className="h-12 shrink-0 border-b bg-transparent px-4 text-base outline-none placeholder:text-ink-3"
        />
        <Command.List ref={list} className="scroll-thin max-h-[24rem] overflow-y-auto p-1.5">
          {text.trim() !== ""
            ? entries.map(item)
            : [...new Set(entries.map(({ heading }) => heading))].map((heading) => (
                <Command.Group key={heading} heading={heading} className={GROUP}>
                  {entries.filter((entry) => entry.heading === heading).map(item)}
                </Command.Group>
              ))}
        </Command.List>
      </Command>
    </Dialog>
  );
}

/** What was typed may mean, the best first; before anything is typed all that can be done, in its order. */
function useEntries(words: string): Entry[] {
  const { sync, info, people } = useDesk();
  const saved = useSavedViews();
  const [, navigate] = useLocation();
  const { all } = useActionRegistry();
  const actions = useSyncExternalStore(all.subscribe, all.get);

  return useMemo(() => {
    const score = (title: string, also: string[] = []) =>
      words === "" ? 1 : defaultFilter(title, words, also);
    const entries: Entry[] = [];
    for (const section of SECTIONS) {
      for (const action of actions) {
        if (action.section !== section || action.id === "palette") continue;
        entries.push({
          key: action.id,
          heading: strings.actions.sections[section],
          score: score(action.title, action.words === undefined ? [] : [action.words]),
          shown: (
            <>
              <span className="flex-1">{action.title}</span>
              {action.keys ? <Kbd keys={action.keys} className="inline-flex text-ink-3" /> : null}
            </>
          ),
          run: action.run,
        });
      }
    }
    const views: { id: ViewId; title: string }[] = [
      ...FIXED_VIEWS.map((id) => ({ id, title: strings.views[id] })),
      ...info.teams.map((team) => ({ id: `team-${team.id}` as const, title: team.name })),
      ...saved.map((own) => ({ id: `saved-${own.id}` as const, title: own.name })),
    ];
    for (const { id, title } of views) {
      const shown = strings.actions.goTo(title);
      entries.push({
        key: `view-${id}`,
        heading: strings.palette.views,
        score: score(shown),
        shown,
        run: () => navigate(`/inbox/${id}`),
      });
    }
    if (words === "") return entries;

    for (const person of people.values()) {
      if (!person.active) continue;
      const shown = strings.palette.ticketsOf(person.name);
      entries.push({
        key: `person-${person.id}`,
        heading: strings.palette.people,
        score: score(person.name, [shown]),
        shown: (
          <>
            <Avatar name={person.name} size="xs" />
            <span className="flex-1">{shown}</span>
          </>
        ),
        run: () => navigate(`/inbox/open?assignee=${encodeURIComponent(person.id)}`),
      });
    }
    for (const ticket of found(words, (accepts) => sync.tickets.find(accepts, TICKETS_SHOWN))) {
      entries.push({
        key: `ticket-${ticket.id}`,
        heading: strings.palette.tickets,
        score: isNumber(words) ? 1 : TICKET_WEIGHT * score(ticket.subject, [ticket.requester.name]),
        shown: (
          <>
            <StatusIcon status={ticket.status} labelled />
            <span className="text-ink-3 tabular-nums">#{ticket.id}</span>
            <span className="min-w-0 flex-1 truncate">{ticket.subject}</span>
            <span className="max-w-32 truncate text-ink-3 text-xs">{ticket.requester.name}</span>
          </>
        ),
        run: () => navigate(`/tickets/${ticket.id}`),
      });
    }
    const best = entries
      .filter((entry) => entry.score > 0)
      .sort((a, b) => b.score - a.score)
      .slice(0, SHOWN);
    // What is left when nothing else is meant.
    best.push({
      key: "everywhere",
      heading: "",
      score: 0,
      shown: (
        <>
          <Search className="size-4 text-ink-3" />
          <span className="min-w-0 flex-1 truncate">{strings.palette.searchFor(words)}</span>
          <Kbd keys="/" className="inline-flex text-ink-3" />
        </>
      ),
      run: () => navigate(`/search?q=${encodeURIComponent(words)}`),
    });
    return best;
  }, [words, actions, saved, sync, info, people, navigate]);
}

const isNumber = (words: string) => /^#?\d+$/.test(words);

function found(words: string, find: (accepts: (ticket: Ticket) => boolean) => Ticket[]): Ticket[] {
  const lower = words.toLowerCase();
  if (isNumber(words)) {
    const digits = words.replace("#", "");
    return find((ticket) => String(ticket.id).startsWith(digits));
  }
  if (words.length < 2) return [];
  return find(
    (ticket) =>
      ticket.subject.toLowerCase().includes(lower) || ticket.requester.name.toLowerCase().includes(lower),
  );
}
