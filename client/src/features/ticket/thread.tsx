import clsx from "clsx";
import { ArrowDown, ChevronRight, Lock } from "lucide-react";
import { memo, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { strings } from "@/app/strings/strings";
import { Avatar } from "@/components/ui/avatar";
import { Button } from "@/components/ui/button";
import { Delayed } from "@/components/ui/delayed";
import { Notice } from "@/components/ui/notice";
import { Skeleton } from "@/components/ui/skeleton";
import { useDesk } from "@/desk/desk-context";
import { dayLabel, fullTime, timeOfDay } from "@/desk/format-time";
import { useConnection, useOutbox, usePersonName, useThread } from "@/desk/use-live";
import { useNow } from "@/desk/use-now";
import type { Command, Message, Ticket } from "@/protocol/types";
import { AttachmentList } from "./attachment-list";
import { MessageBody } from "./message-body";
import { actorName, type Happened, timeline } from "./timeline";

/** Nearer to the end than this, somebody reads along, and the end stays in sight. */
const AT_END_PX = 80;
const FOLD_ABOVE = 2;

export function Thread({ ticket }: { ticket: Ticket }) {
  const { sync, info, me, announce, drafts, uploads } = useDesk();
  const thread = useThread(ticket.id);
  const nameOf = usePersonName();
  const now = useNow("quarter-minute");
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLElement>(null);
  const reading = useRef(true);
  const [below, setBelow] = useState(false);

  const ready = thread.kind === "ready" ? thread : null;
  const items = useMemo(
    () => (ready ? timeline(ready.records, ready.messages, { person: nameOf, info }) : []),
    [ready, nameOf, info],
  );
  const pending = usePendingMessages(ticket.id, ready?.records);
  const messages = ready?.messages;

  const count = items.length + pending.length;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another length is what moves the end
  useLayoutEffect(() => {
    const box = scroller.current;
    if (box === null) return;
    if (reading.current) box.scrollTop = box.scrollHeight;
    else setBelow(true);
  }, [count]);

  // The composer grows and shrinks below, messages are drawn late; whoever reads the end keeps it in sight.
  useEffect(() => {
    const box = scroller.current;
    if (box === null) return;
    const observer = new ResizeObserver(() => {
      if (reading.current) box.scrollTop = box.scrollHeight;
    });
    observer.observe(box);
    if (content.current !== null) observer.observe(content.current);
    return () => observer.disconnect();
  }, []);

  const known = useRef<number | null>(null);
  useEffect(() => {
    if (messages === undefined) return;
    const before = known.current;
    known.current = messages.length;
    if (before === null) return;
    for (const message of messages.slice(before)) {
      if (message.author.id !== me.id) announce(strings.ticket.newMessage(message.author.name));
    }
  }, [messages, me.id, announce]);

  if (thread.kind === "failed") {
    return (
      <Notice
        alert
        title={strings.ticket.threadFailed}
        hint={strings.problems.codes[thread.error.code] ?? strings.problems.unreachable}
        action={<Button onClick={() => sync.threads.want(ticket.id)}>{strings.list.retry}</Button>}
      />
    );
  }
  return (
    <div className="relative min-h-0 flex-1">
      <div
        ref={scroller}
        onScroll={(event) => {
          const box = event.currentTarget;
          reading.current = box.scrollHeight - box.scrollTop - box.clientHeight < AT_END_PX;
          if (reading.current) setBelow(false);
        }}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: whoever has no mouse scrolls with the arrows
        tabIndex={0}
        className="scroll-thin h-full overflow-y-auto overscroll-contain outline-offset-[-2px]"
      >
        <section
          ref={content}
          aria-label={strings.ticket.thread}
          className="mx-auto flex max-w-[54rem] flex-col gap-1 px-4 pt-4 pb-6 @2xl:px-6"
        >
          {thread.kind === "loading" ? (
            <Delayed>
              <ThreadSkeleton />
            </Delayed>
          ) : null}
          {items.map((item) => {
            if (item.kind === "day") return <DayBreak key={item.key} label={dayLabel(item.at, now)} />;
            if (item.kind === "events") return <Events key={item.key} events={item.events} />;
            return (
              <MessageItem key={item.key} message={item.message} mine={item.message.author.id === me.id} />
            );
          })}
          {pending.map((message) => (
            <MessageItem
              key={message.id}
              message={message}
              mine
              unsent={message.unsent}
              onTakeBack={
                message.unsent === "waiting"
                  ? () => {
                      if (!sync.outbox.cancel(message.id)) return;
                      drafts.restore(ticket.id, message.asked, []);
                      void uploads.giveBack(
                        ticket.id,
                        message.attachments.map((file) => file.id),
                      );
                    }
                  : undefined
              }
            />
          ))}
        </section>
      </div>
      {below ? (
        <Button
          size="sm"
          className="absolute bottom-3 left-1/2 -translate-x-1/2 animate-pop rounded-full bg-raised shadow-pop"
          onClick={() => {
            const box = scroller.current;
            if (box !== null) box.scrollTo({ top: box.scrollHeight, behavior: "smooth" });
          }}
        >
          <ArrowDown className="size-3.5" />
          {strings.ticket.jumpToLatest}
        </Button>
      ) : null}
    </div>
  );
}

type PendingMessage = Message & {
  asked: Extract<Command, { type: "message" }>;
  unsent: "sending" | "waiting";
};

/** What this user has written and the server has not shown yet. */
function usePendingMessages(
  ticket: number,
  records: readonly { command_id: string }[] | undefined,
): PendingMessage[] {
  const { me, uploads } = useDesk();
  const { unseen } = useOutbox();
  const connection = useConnection();
  return useMemo(() => {
    const arrived = new Set(records?.map((record) => record.command_id));
    return unseen.flatMap((command) => {
      if (command.ticket !== ticket || command.do.type !== "message" || arrived.has(command.id)) return [];
      return [
        {
          id: command.id,
          asked: command.do,
          visibility: command.do.visibility,
          direction: "outbound",
          author: { id: me.id, name: me.name },
          body: command.do.body,
          body_format: "markdown",
          attachments: uploads.named(command.do.attachments ?? []),
          at: new Date(command.enqueuedAt).toISOString(),
          unsent: connection.kind === "live" || connection.kind === "catching-up" ? "sending" : "waiting",
        },
      ];
    });
  }, [unseen, records, ticket, me, uploads, connection.kind]);
}

function DayBreak({ label }: { label: string }) {
  return (
    <h2 className="my-3 flex items-center gap-3 text-2xs text-ink-3">
      <span className="h-px flex-1 bg-line" />
      {label}
      <span className="h-px flex-1 bg-line" />
    </h2>
  );
}

function Events({ events }: { events: Happened[] }) {
  const [open, setOpen] = useState(false);
  const folded = events.length > FOLD_ABOVE && !open;
  return (
    <div className="my-1 flex flex-col gap-0.5 pl-10.5 text-ink-3 text-xs">
      {folded ? (
        <button
          type="button"
          onClick={() => setOpen(true)}
          aria-expanded={false}
          className="flex items-center gap-1 self-start rounded hover:text-ink-2 coarse:min-h-8"
        >
          <ChevronRight className="size-3" />
          {strings.ticket.changes(events.length)}
          <span className="ml-1 tabular-nums">{timeOfDay(events.at(-1)?.at ?? events[0]?.at ?? "")}</span>
        </button>
      ) : (
        events.map((event) => <EventLine key={event.key} event={event} />)
      )}
    </div>
  );
}

function EventLine({ event }: { event: Happened }) {
  const { me } = useDesk();
  const nameOf = usePersonName();
  return (
    <p className="min-w-0 [overflow-wrap:anywhere]">
      <span className="font-medium text-ink-2">{actorName(event.by, me.id, nameOf)}</span> {event.what}{" "}
      <time dateTime={event.at} title={fullTime(event.at)} className="whitespace-nowrap tabular-nums">
        · {timeOfDay(event.at)}
      </time>
    </p>
  );
}

export const MessageItem = memo(function MessageItem({
  message,
  mine,
  unsent,
  onTakeBack,
}: {
  message: Message;
  mine: boolean;
  /** Offered as long as no server has seen it. */
  onTakeBack?: (() => void) | undefined;
  unsent?: "sending" | "waiting" | undefined;
}) {
  const note = message.visibility === "internal";
  const inbound = message.direction === "inbound";
  return (
    <article
      aria-label={`${message.author.name}${note ? `, ${strings.ticket.internal}` : ""}`}
      className={clsx("group flex gap-2.5 py-1.5", unsent && "opacity-70")}
    >
      <Avatar name={message.author.name} size="md" me={mine} className="mt-0.5" />
      <div className="min-w-0 flex-1">
        <header className="flex flex-wrap items-baseline gap-x-2 pb-1">
          <span className="font-semibold text-sm">{message.author.name}</span>
          {inbound ? <span className="text-2xs text-ink-3">{strings.ticket.requester}</span> : null}
          {note ? (
            <span className="inline-flex items-center gap-1 self-center text-2xs text-note-ink">
              <Lock className="size-3" aria-hidden="true" />
              {strings.ticket.internal}
            </span>
          ) : null}
          <time
            dateTime={message.at}
            title={fullTime(message.at)}
            className="text-2xs text-ink-3 tabular-nums"
          >
            {unsent === "sending"
              ? strings.ticket.sending
              : unsent === "waiting"
                ? strings.ticket.waiting
                : timeOfDay(message.at)}
          </time>
          {onTakeBack ? (
            <Button variant="ghost" size="sm" className="h-5 self-center px-1.5" onClick={onTakeBack}>
              {strings.ticket.takeBack}
            </Button>
          ) : null}
        </header>
        <div
          className={clsx(
            "w-fit max-w-full rounded-lg px-3 py-2 text-base leading-relaxed",
            note ? "border border-note-line bg-note" : inbound ? "border bg-canvas" : "bg-outbound",
          )}
        >
          {message.body.trim() === "" ? null : <MessageBody message={message} />}
          <AttachmentList files={message.attachments} />
        </div>
      </div>
    </article>
  );
});

function ThreadSkeleton() {
  return (
    <div role="status" className="flex flex-col gap-6">
      <span className="sr-only">{strings.page.loading}</span>
      {["h-16 w-4/5", "h-10 w-3/5", "h-24 w-4/5"].map((size) => (
        <div key={size} className="flex gap-3">
          <Skeleton className="size-8 rounded-full" />
          <div className="flex flex-1 flex-col gap-2">
            <Skeleton className="h-3.5 w-32" />
            <Skeleton className={`rounded-lg ${size}`} />
          </div>
        </div>
      ))}
    </div>
  );
}
