import { Check, CircleCheck, CircleX, Hand, Layers, UserRound, X } from "lucide-react";
import { type ReactNode, useState, useSyncExternalStore } from "react";
import { Link } from "wouter";
import { strings } from "@/app/strings/strings";
import { Avatar } from "@/components/ui/avatar";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Menu, MenuContent, MenuItem, MenuTrigger } from "@/components/ui/menu";
import { PriorityIcon } from "@/components/ui/priority-icon";
import { StatusIcon } from "@/components/ui/status-icon";
import { Tooltip } from "@/components/ui/tooltip";
import { useDesk } from "@/desk/desk-context";
import { newId } from "@/desk/new-id";
import { problemText, refusalText } from "@/desk/refusal-text";
import type { Selection } from "@/desk/selection";
import { errorToast, toast } from "@/desk/toast";
import { useAction } from "@/keyboard/actions";
import type { BulkOutcome, Command } from "@/protocol/types";
import { asProblem } from "@/sync/problem-error";
import { BULK_KEYS } from "./bulk-keys";

/** The server takes no more at once. */
const AT_ONCE = 500;
const TOAST_MS = 8_000;
/** Before what the same keys do to the one open ticket. */
const LAYER = 1;

type MenuName = "assignee" | "status" | "priority" | "team";

/** What can be done to all the marked tickets at once. Each has an outcome of its own, and each is told. */
export function BulkBar({ selection, order }: { selection: Selection; order: readonly number[] }) {
  const { info, me, people } = useDesk();
  const ids = useSyncExternalStore(selection.subscribe, selection.ids.get);
  const [open, setOpen] = useState<MenuName | null>(null);
  const { running, refused, run, forget } = useBulk(selection, order);
  const update = (fields: Omit<Extract<Command, { type: "update" }>, "type">) =>
    run({ type: "update", ...fields });

  const key = (id: string, title: string, keys: string, act: () => void) => ({
    id: `bulk-${id}`,
    title,
    section: "tickets" as const,
    keys,
    layer: LAYER,
    run: act,
  });
  useAction(key("take", strings.bulk.take, BULK_KEYS.take, () => run({ type: "claim" })));
  useAction(key("solve", strings.actions.solve, BULK_KEYS.solve, () => update({ status: "solved" })));
  useAction(key("assign", strings.actions.assign, BULK_KEYS.assign, () => setOpen("assignee")));
  useAction(key("status", strings.actions.statusMenu, BULK_KEYS.status, () => setOpen("status")));
  useAction(key("priority", strings.actions.priorityMenu, BULK_KEYS.priority, () => setOpen("priority")));
  useAction(key("clear", strings.bulk.clear, BULK_KEYS.clear, () => selection.clear()));

  const menu = (name: MenuName) => ({
    open: open === name,
    onOpenChange: (isOpen: boolean) => setOpen(isOpen ? name : null),
  });
  const colleagues = [...people.values()]
    .filter((person) => person.active && person.id !== me.id)
    .sort((a, b) => a.name.localeCompare(b.name));

  return (
    <div
      role="toolbar"
      aria-label={strings.bulk.label}
      className="flex shrink-0 animate-fade items-center gap-0.5 border-t bg-raised px-2 py-1.5"
    >
      <span className="min-w-0 flex-1 truncate pl-1.5 text-sm tabular-nums" aria-live="polite">
        {running > 0 ? strings.bulk.running(running) : strings.bulk.selected(ids.size)}
      </span>
      <BulkButton
        label={strings.bulk.take}
        keys="t"
        onClick={() => run({ type: "claim" })}
        busy={running > 0}
      >
        <Hand className="size-4" />
      </BulkButton>
      <BulkMenu
        label={strings.details.assignee}
        keys="a"
        icon={<UserRound className="size-4" />}
        {...menu("assignee")}
      >
        <MenuItem icon={<Avatar name={me.name} size="xs" me />} onSelect={() => update({ assignee: me.id })}>
          {me.name}
        </MenuItem>
        <MenuItem onSelect={() => update({ assignee: null })}>{strings.details.nobody}</MenuItem>
        {colleagues.map((person) => (
          <MenuItem
            key={person.id}
            icon={<Avatar name={person.name} size="xs" />}
            onSelect={() => update({ assignee: person.id })}
          >
            {person.name}
          </MenuItem>
        ))}
      </BulkMenu>
      <BulkMenu
        label={strings.details.status}
        keys="s"
        icon={<StatusIcon status="open" />}
        {...menu("status")}
      >
        {info.statuses
          .filter((status) => status !== "new")
          .map((status) => (
            <MenuItem key={status} icon={<StatusIcon status={status} />} onSelect={() => update({ status })}>
              {strings.status[status]}
            </MenuItem>
          ))}
      </BulkMenu>
      <BulkMenu
        label={strings.details.priority}
        keys="p"
        icon={<PriorityIcon priority="high" />}
        {...menu("priority")}
      >
        {info.priorities.toReversed().map((priority) => (
          <MenuItem
            key={priority}
            icon={<PriorityIcon priority={priority} />}
            onSelect={() => update({ priority })}
          >
            {strings.priority[priority]}
          </MenuItem>
        ))}
      </BulkMenu>
      {info.teams.length === 0 ? null : (
        <BulkMenu label={strings.bulk.team} icon={<Layers className="size-4" />} {...menu("team")}>
          {info.teams.map((team) => (
            <MenuItem key={team.id} onSelect={() => update({ team: team.id })}>
              {team.name}
            </MenuItem>
          ))}
          <MenuItem onSelect={() => update({ team: null })}>{strings.list.noTeam}</MenuItem>
        </BulkMenu>
      )}
      <BulkButton
        label={strings.actions.solve}
        keys="e"
        onClick={() => update({ status: "solved" })}
        busy={running > 0}
      >
        <Check className="size-4" />
      </BulkButton>
      <BulkButton label={strings.bulk.clear} keys="Escape" onClick={() => selection.clear()}>
        <X className="size-4" />
      </BulkButton>
      {refused === null ? null : <Outcomes {...refused} onClose={forget} />}
    </div>
  );
}

interface Told {
  outcomes: readonly BulkOutcome[];
  onUndo: () => void;
}

function useBulk(selection: Selection, order: readonly number[]) {
  const { api, sync, announce } = useDesk();
  const [running, setRunning] = useState(0);
  const [refused, setRefused] = useState<Told | null>(null);

  async function run(command: Command) {
    if (running > 0) return;
    const marked = selection.ids.get();
    // In the order of the list, and then those that have left it meanwhile.
    const ids = [...order.filter((id) => marked.has(id)), ...[...marked].filter((id) => !order.includes(id))];
    if (ids.length === 0) return;
    setRunning(ids.length);
    const done: { id: number; commandId: string }[] = [];
    const outcomes: BulkOutcome[] = [];
    try {
      for (let at = 0; at < ids.length; at += AT_ONCE) {
        const key = newId();
        const part = await api.bulk(ids.slice(at, at + AT_ONCE), command, key);
        outcomes.push(...part);
        for (const outcome of part)
          if (outcome.ok) done.push({ id: outcome.id, commandId: `${key}:${outcome.id}` });
      }
    } catch (error) {
      const problem = asProblem(error);
      errorToast(strings.bulk.failed, {
        description: problemText(problem),
      });
    }
    setRunning(0);
    if (outcomes.length === 0) return;
    const undo = () => {
      for (const { id, commandId } of done) {
        sync.outbox.enqueue({ ticket: id, do: { type: "undo", command_id: commandId } });
      }
      toast(strings.bulk.undoing(done.length));
    };
    const failures = outcomes.filter((outcome) => !outcome.ok);
    // What was refused, or never got there, stays marked: it is what there is left to do.
    const changed = new Set(done.map(({ id }) => id));
    const left = [...selection.ids.get()].filter((id) => !changed.has(id));
    if (left.length === 0) selection.clear();
    else selection.keep(left);
    if (failures.length === 0) {
      announce(strings.bulk.done(done.length));
      toast(strings.bulk.done(done.length), {
        duration: TOAST_MS,
        action: { label: strings.actions.undo, onClick: undo },
      });
      return;
    }
    announce(strings.bulk.some(done.length, failures.length));
    setRefused({ outcomes, onUndo: undo });
  }

  return { running, refused, run: (command: Command) => void run(command), forget: () => setRefused(null) };
}

/** Each ticket's own outcome. */
function Outcomes({ outcomes, onUndo, onClose }: Told & { onClose: () => void }) {
  const { sync, people } = useDesk();
  const done = outcomes.filter((outcome) => outcome.ok).length;
  return (
    <Dialog open onOpenChange={onClose} title={strings.bulk.outcomes}>
      <div className="flex items-center justify-between gap-2 px-4 pb-2 text-ink-2 text-sm">
        <p>{strings.bulk.some(done, outcomes.length - done)}</p>
        {done > 0 ? (
          <Button
            size="sm"
            onClick={() => {
              onUndo();
              onClose();
            }}
          >
            {strings.actions.undo}
          </Button>
        ) : null}
      </div>
      <ul className="scroll-thin min-h-0 overflow-y-auto px-2 pb-3">
        {outcomes
          .toSorted((a, b) => Number(a.ok) - Number(b.ok))
          .map((outcome) => (
            <li key={outcome.id}>
              <Link
                href={`/tickets/${outcome.id}`}
                onClick={onClose}
                className="flex min-h-9 items-center gap-2 rounded-md px-2 py-1 text-sm hover:bg-hover"
              >
                {outcome.ok ? (
                  <CircleCheck className="size-4 shrink-0 text-good" aria-hidden="true" />
                ) : (
                  <CircleX className="size-4 shrink-0 text-danger" aria-hidden="true" />
                )}
                <span className="text-ink-3 tabular-nums">#{outcome.id}</span>
                <span className="min-w-0 flex-1 truncate">{sync.tickets.get(outcome.id)?.subject}</span>
                <span className={outcome.ok ? "text-ink-3 text-xs" : "text-danger text-xs"}>
                  {outcome.error === undefined
                    ? strings.bulk.ok
                    : refusalText(
                        outcome.error.code,
                        outcome.error.detail,
                        outcome.error,
                        (id) => people.get(id)?.name ?? id,
                      )}
                </span>
              </Link>
            </li>
          ))}
      </ul>
    </Dialog>
  );
}

function BulkButton({
  label,
  keys,
  busy = false,
  onClick,
  children,
}: {
  label: string;
  keys: string;
  busy?: boolean;
  onClick: () => void;
  children: ReactNode;
}) {
  return (
    <Tooltip label={label} keys={keys}>
      <Button variant="ghost" size="icon" aria-label={label} disabled={busy} onClick={onClick}>
        {children}
      </Button>
    </Tooltip>
  );
}

function BulkMenu({
  label,
  keys,
  icon,
  open,
  onOpenChange,
  children,
}: {
  label: string;
  keys?: string;
  icon: ReactNode;
  open: boolean;
  onOpenChange: (open: boolean) => void;
  children: ReactNode;
}) {
  return (
    <Menu open={open} onOpenChange={onOpenChange}>
      <Tooltip label={label} {...(keys ? { keys } : {})}>
        <MenuTrigger asChild>
          <Button variant="ghost" size="icon" aria-label={label}>
            {icon}
          </Button>
        </MenuTrigger>
      </Tooltip>
      <MenuContent side="top" align="center">
        {children}
      </MenuContent>
    </Menu>
  );
}
