import { RotateCcw } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import { Kbd } from "@/components/ui/kbd";
import { useDesk } from "@/desk/desk-context";
import { chosenKeys } from "@/desk/keymap";

/** Every key that there is, wherever it works; the `?` sheet shows those that work right now. */
const KEYS: { title: string; keys: string[]; group: "tickets" | "ticket" | "board" | "go" | "app" }[] = [
  { group: "tickets", keys: ["j", "k"], title: strings.settings.keys.move },
  { group: "tickets", keys: ["o"], title: strings.actions.openTicket },
  { group: "tickets", keys: ["Escape"], title: strings.actions.toList },
  { group: "tickets", keys: ["c"], title: strings.actions.claimNext },
  { group: "tickets", keys: ["N"], title: strings.newTicket.title },
  { group: "tickets", keys: ["x"], title: strings.bulk.toggle },
  { group: "tickets", keys: ["J", "K"], title: strings.settings.keys.extend },
  { group: "tickets", keys: ["mod+a"], title: strings.bulk.all },
  { group: "ticket", keys: ["r"], title: strings.actions.reply },
  { group: "ticket", keys: ["n"], title: strings.actions.note },
  { group: "ticket", keys: ["t"], title: strings.ticket.take },
  { group: "ticket", keys: ["a"], title: strings.actions.assign },
  { group: "ticket", keys: ["p"], title: strings.actions.priorityMenu },
  { group: "ticket", keys: ["s"], title: strings.actions.statusMenu },
  { group: "ticket", keys: ["e"], title: strings.actions.solve },
  { group: "ticket", keys: ["m"], title: strings.relate.merge },
  { group: "ticket", keys: ["l"], title: strings.relate.link },
  { group: "ticket", keys: ["w"], title: strings.triage.draft },
  { group: "ticket", keys: ["y"], title: strings.triage.acceptAll },
  { group: "ticket", keys: ["1", "2", "3"], title: strings.triage.acceptField },
  { group: "ticket", keys: ["i"], title: strings.triage.editProposal },
  { group: "ticket", keys: ["d"], title: strings.triage.rejectAll },
  { group: "ticket", keys: ["u"], title: strings.list.markUnread },
  { group: "ticket", keys: ["mod+Enter"], title: strings.composer.send },
  { group: "ticket", keys: ["mod+shift+Enter"], title: strings.composer.sendAndSolve },
  { group: "board", keys: ["h", "j", "k", "l"], title: strings.settings.keys.boardMove },
  { group: "board", keys: ["H", "L"], title: strings.settings.keys.boardPut },
  { group: "board", keys: ["M"], title: strings.board.move },
  { group: "go", keys: ["/"], title: strings.search.open },
  { group: "go", keys: ["g i"], title: strings.actions.goTo(strings.nav.inbox) },
  { group: "go", keys: ["g o"], title: strings.actions.goTo(strings.views.open) },
  { group: "go", keys: ["g a"], title: strings.actions.goTo(strings.nav.analytics) },
  { group: "go", keys: ["g r"], title: strings.actions.goTo(strings.nav.reports) },
  { group: "go", keys: ["g q"], title: strings.actions.goTo(strings.nav.queue) },
  { group: "go", keys: ["g b"], title: strings.actions.goTo(strings.nav.board) },
  { group: "go", keys: ["g w"], title: strings.actions.goTo(strings.nav.wallboard) },
  { group: "go", keys: ["g t"], title: strings.actions.goTo(strings.nav.past) },
  { group: "go", keys: ["g s"], title: strings.actions.goTo(strings.nav.settings) },
  { group: "app", keys: ["mod+k"], title: strings.actions.palette },
  { group: "app", keys: ["z"], title: strings.actions.undoLast },
  { group: "app", keys: ["?"], title: strings.actions.help },
];

const GROUPS = ["tickets", "ticket", "board", "go", "app"] as const;

/** What the composer, the lists and the palette do by themselves cannot be put on other keys. */
const FIXED = new Set(["Escape", "mod+Enter", "mod+shift+Enter", "mod+a", "mod+k"]);

/** A second key of two comes soon, or there is none. */
const SECOND_KEY_MS = 900;

export function Shortcuts() {
  return (
    <div className="gap-10 sm:columns-2">
      {GROUPS.map((group) => (
        <section key={group} className="break-inside-avoid pb-5">
          <h3 className="pb-1 font-medium text-2xs text-ink-3">
            {group === "board" ? strings.board.title : strings.actions.sections[group]}
          </h3>
          <ul>
            {KEYS.filter((row) => row.group === group).map((row) => (
              <li
                key={row.title}
                className="flex min-h-8 items-center justify-between gap-3 border-b text-sm"
              >
                <span className="py-1">{row.title}</span>
                <span className="flex gap-1.5">
                  {row.keys.map((keys) =>
                    FIXED.has(keys) || group === "board" ? (
                      <span key={keys} className="px-1">
                        <span className="sr-only">{keys}</span>
                        <Kbd keys={keys} className="inline-flex text-ink-2" />
                      </span>
                    ) : (
                      <Rebind key={keys} keys={keys} title={row.title} />
                    ),
                  )}
                </span>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}

/** The keys of one action; a press on them waits for other ones. */
function Rebind({ keys, title }: { keys: string; title: string }) {
  const { preferences } = useDesk();
  const [waiting, setWaiting] = useState(false);
  const [taken, setTaken] = useState<string | null>(null);
  const first = useRef<string | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const chosen = chosenKeys(keys);
  useEffect(() => () => clearTimeout(timer.current), []);

  const choose = (next: string | null) => {
    clearTimeout(timer.current);
    first.current = null;
    setWaiting(false);
    const { [keys]: _, ...others } = preferences.now.get().shortcuts;
    const wanted = next ?? keys;
    const holder = KEYS.find((row) =>
      row.keys.some(
        (other) => other !== keys && row.group !== "board" && (others[other] ?? other) === wanted,
      ),
    );
    setTaken(holder === undefined ? null : holder.title);
    if (holder !== undefined) return;
    preferences.change({ shortcuts: wanted === keys ? others : { ...others, [keys]: wanted } });
  };

  return (
    <span className="flex items-center gap-1">
      {taken === null ? null : (
        <span role="alert" className="text-danger text-xs">
          {strings.settings.taken(taken)}
        </span>
      )}
      {chosen === keys ? null : (
        <Button
          variant="ghost"
          size="icon"
          aria-label={`${strings.settings.resetKeys}: ${title}`}
          onClick={() => choose(null)}
        >
          <RotateCcw className="size-3.5" />
        </Button>
      )}
      <button
        type="button"
        className="flex h-7 min-w-7 items-center justify-center rounded-md px-1 hover:bg-hover coarse:h-11 coarse:min-w-11"
        onClick={() => setWaiting(true)}
        onBlur={() => setWaiting(false)}
        onKeyDown={(event) => {
          if (!waiting) return;
          const { key } = event;
          if (key === "Tab" || key === "Shift" || key === "Control" || key === "Meta" || key === "Alt")
            return;
          event.preventDefault();
          event.stopPropagation();
          if (key === "Escape") {
            choose(chosen === keys ? null : chosen);
            return;
          }
          if (event.ctrlKey || event.metaKey) choose(`mod+${key.toLowerCase()}`);
          else if (key.length === 1 && first.current !== null) choose(`${first.current} ${key}`);
          else if (key.length === 1 && key !== " ") {
            first.current = key;
            timer.current = setTimeout(() => choose(key), SECOND_KEY_MS);
          }
        }}
      >
        <span className="sr-only">{strings.settings.rebind(title)} </span>
        {waiting ? (
          <span className="text-2xs text-accent">{strings.settings.pressKeys}</span>
        ) : (
          <Kbd keys={keys} className="inline-flex text-ink-2" spoken />
        )}
      </button>
    </span>
  );
}
