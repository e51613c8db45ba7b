import { Popover } from "radix-ui";
import type { ReactElement } from "react";
import { Link } from "wouter";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import type { Command, Patch } from "@/protocol/types";
import type { ConnectionState } from "@/sync/connection";
import { useDesk } from "./desk-context";
import { changes, type Names } from "./record-text";
import { useOutbox, usePersonName } from "./use-live";
import { useNow } from "./use-now";

/** What the line's state means, and what can be done about it. */
export function ConnectionDetails({
  trigger,
  state,
  unsent,
  polling,
}: {
  trigger: ReactElement;
  state: ConnectionState;
  unsent: number;
  polling: boolean;
}) {
  const { sync } = useDesk();
  return (
    <Popover.Root>
      <Popover.Trigger asChild>{trigger}</Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          side="top"
          align="start"
          sideOffset={6}
          collisionPadding={8}
          className="z-40 flex w-72 animate-pop flex-col gap-2 rounded-lg bg-raised p-3 text-sm shadow-pop"
        >
          <p className="font-medium">{strings.connection[state.kind]}</p>
          <p className="text-ink-2 text-xs">
            {state.kind === "live"
              ? strings.connection.liveText
              : state.kind === "catching-up" && state.why === "mismatch"
                ? strings.connection.mismatch
                : strings.connection.kept}
          </p>
          {polling ? <p className="text-ink-2 text-xs">{strings.connection.polling}</p> : null}
          {unsent > 0 ? <Unsent count={unsent} /> : null}
          {state.kind === "offline" ? (
            <div className="flex items-center justify-between gap-2">
              <Countdown until={state.retryAt} />
              <Button size="sm" onClick={() => sync.connection.nudge()}>
                {strings.connection.tryNow}
              </Button>
            </div>
          ) : null}
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}

const SHOWN = 6;

/** What waits, in the order in which it will go out; each can still be taken back. */
function Unsent({ count }: { count: number }) {
  const { sync, info } = useDesk();
  const nameOf = usePersonName();
  const { unanswered } = useOutbox();
  const waiting = unanswered.filter((command) => command.sentAt === null);
  return (
    <section aria-label={strings.connection.unsent(count)} className="border-t pt-2">
      <p className="pb-1 font-medium text-xs">{strings.connection.unsent(count)}</p>
      <ol className="flex flex-col">
        {waiting.slice(0, SHOWN).map((command) => (
          <li key={command.id} className="flex min-h-7 items-center gap-2 text-ink-2 text-xs">
            {command.ticket === null ? null : (
              <Link href={`/tickets/${command.ticket}`} className="text-ink-3 tabular-nums hover:underline">
                #{command.ticket}
              </Link>
            )}
            <span className="min-w-0 flex-1 truncate">{said(command.do, { person: nameOf, info })}</span>
            {command.do.type === "message" ? null : (
              <Button
                variant="ghost"
                size="sm"
                className="h-6 px-1.5"
                onClick={() => sync.outbox.cancel(command.id)}
              >
                {strings.ticket.takeBack}
              </Button>
            )}
          </li>
        ))}
      </ol>
      {waiting.length > SHOWN ? (
        <p className="text-ink-3 text-xs">{strings.past.more(waiting.length - SHOWN)}</p>
      ) : null}
    </section>
  );
}

function said(command: Command, names: Names): string {
  switch (command.type) {
    case "message":
      return command.visibility === "internal" ? strings.composer.note : strings.composer.reply;
    case "create":
      return `${strings.newTicket.title}: ${command.subject}`;
    case "update": {
      const { type: _, ...fields } = command;
      return changes(fields as Patch, names).join(", ") || strings.events.changed;
    }
    case "claim":
      return strings.ticket.take;
    case "release":
      return strings.ticket.release;
    case "skip":
      return strings.ticket.skip;
    case "merge":
      return `${strings.details.link.merged_into} #${command.into}`;
    case "link":
    case "unlink":
      return `${strings.details.link[command.kind]} #${command.to}`;
    case "undo":
      return strings.actions.undo;
    default:
      return strings.events.changed;
  }
}

function Countdown({ until }: { until: number }) {
  const now = useNow("second");
  return (
    <span className="text-ink-3 text-xs tabular-nums">
      {strings.connection.retryIn(Math.ceil((until - now) / 1_000))}
    </span>
  );
}
