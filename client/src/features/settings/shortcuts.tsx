import { strings } from "@/app/strings/strings";
import { Kbd } from "@/components/ui/kbd";

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
                  {row.keys.map((keys) => (
                    <span key={keys}>
                      <span className="sr-only">{keys}</span>
                      <Kbd keys={keys} className="inline-flex text-ink-2" />
                    </span>
                  ))}
                </span>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}
