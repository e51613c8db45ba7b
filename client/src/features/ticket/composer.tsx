import clsx from "clsx";
import { ChevronDown, CornerUpLeft, Eye, Lock, MessagesSquare, Paperclip, PenLine, Zap } from "lucide-react";
import {
  forwardRef,
  type KeyboardEvent,
  useCallback,
  useEffect,
  useId,
  useImperativeHandle,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import { flushSync } from "react-dom";
import { useLocation } from "wouter";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import { Kbd } from "@/components/ui/kbd";
import { Menu, MenuContent, MenuItem, MenuSeparator, MenuTrigger } from "@/components/ui/menu";
import { StatusIcon } from "@/components/ui/status-icon";
import { Tooltip } from "@/components/ui/tooltip";
import { AttachmentTray } from "@/desk/attachment-tray";
import { useDesk } from "@/desk/desk-context";
import type { Draft } from "@/desk/drafts";
import { useFileDrop } from "@/desk/file-drop";
import { FilePicker } from "@/desk/file-picker";
import { list, timeOfDay } from "@/desk/format-time";
import { filledIn, type Macro } from "@/desk/macros";
import { onceDrawn } from "@/desk/once-drawn";
import { sees } from "@/desk/team-sight";
import { useCollection, useDraft, useThread } from "@/desk/use-live";
import { useTicketActions } from "@/desk/use-ticket-actions";
import type { Message, Ticket, TicketStatus, User, Visibility } from "@/protocol/types";
import type { Thread as ThreadState } from "@/sync/threads";
import { thumbnailUrl } from "@/sync/upload-wire";
import { DraftButton, DraftSources, useDraftWriter } from "./draft-writer";
import { type Mention, MentionList, mentionAt, mentionable, mentionedIn } from "./mentions";
import { MessageBody } from "./message-body";

export interface ComposerHandle {
  begin(visibility: Visibility): void;
  /** Has an answer drafted. */
  draft(): void;
  insert(macro: Macro): void;
}

/**
 * Where an answer is written. Its draft belongs to the ticket and to this user: records, rollbacks and reloads leave
 * it alone. A reply that would pass what a colleague or the requester just wrote is held until it has been read.
 */
export const Composer = forwardRef<ComposerHandle, { ticket: Ticket }>(function Composer({ ticket }, ref) {
  const { sync, drafts, uploads, me, info, people, announce } = useDesk();
  const actions = useTicketActions();
  const draft = useDraft(ticket.id);
  const thread = useThread(ticket.id);
  const box = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const { subscribe, get } = uploads.of(ticket.id);
  const sending = useSyncExternalStore(subscribe, get);
  const staleId = useId();
  const mentionsId = useId();
  const [previewing, setPreviewing] = useState(false);
  const [mention, setMention] = useState<Mention | null>(null);
  const [mentionIndex, setMentionIndex] = useState(0);
  const note = draft.visibility === "internal";
  const version = thread.kind === "ready" ? Math.max(thread.version, ticket.version) : ticket.version;

  /** To the box at once: a frame later the writer may have gone elsewhere. A preview that stood in its place gives way first. */
  const edit = useCallback(() => {
    flushSync(() => setPreviewing(false));
    box.current?.focus();
  }, []);

  useImperativeHandle(
    ref,
    () => ({
      begin(visibility) {
        drafts.write(ticket.id, { visibility });
        edit();
      },
      draft: () => begin.current(),
      insert: (macro) => insert.current(macro),
    }),
    [drafts, ticket.id, edit],
  );

  // The box grows with what is in it, up to a third of the screen.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the text is what changes its height
  useLayoutEffect(() => {
    const area = box.current;
    if (area === null) return;
    area.style.height = "auto";
    area.style.height = `${Math.min(area.scrollHeight, window.innerHeight / 3)}px`;
  }, [draft.body]);

  const write = (body: string) => {
    drafts.write(ticket.id, {
      body,
      ...(draft.body === "" && draft.seenVersion === null ? { seenVersion: version } : {}),
    });
    sync.presenceOf.type(ticket.id);
  };

  const writer = useDraftWriter(ticket.id, () => drafts.get(ticket.id).body, write);
  const begin = useRef(() => {});
  begin.current = () => {
    drafts.write(ticket.id, { visibility: "public" });
    writer.begin();
    edit();
  };

  /** Puts text where the caret is, and the caret behind it. */
  const splice = (from: number, to: number, text: string) => {
    flushSync(() => {
      setPreviewing(false);
      write(draft.body.slice(0, from) + text + draft.body.slice(to));
    });
    const place = () => {
      box.current?.focus();
      box.current?.setSelectionRange(from + text.length, from + text.length);
    };
    place();
    // A menu that this was chosen from holds the focus until it is gone.
    if (document.activeElement !== box.current) onceDrawn(place);
  };

  const insert = useRef((_: Macro) => {});
  insert.current = (macro) => {
    const text = filledIn(macro.body, ticket, me);
    const from = box.current?.selectionStart ?? draft.body.length;
    splice(from, box.current?.selectionEnd ?? from, text);
  };

  // Only colleagues read notes, so only there is somebody to be mentioned: whoever sees this ticket.
  const colleagues = () => [...people.values()].filter((person) => sees(person, ticket.team, info));
  const offered = note && mention !== null ? mentionable(colleagues(), mention.word) : [];
  const offeredAt = Math.min(mentionIndex, offered.length - 1);
  const choose = (person: User) => {
    if (mention === null) return;
    splice(mention.from, mention.from + 1 + mention.word.length, `@${person.name} `);
    setMention(null);
  };

  const onMentionKey = (event: KeyboardEvent): boolean => {
    if (offered.length === 0) return false;
    const person = offered[offeredAt];
    if (event.key === "ArrowDown") setMentionIndex((offeredAt + 1) % offered.length);
    else if (event.key === "ArrowUp") setMentionIndex((offeredAt + offered.length - 1) % offered.length);
    else if (
      (event.key === "Enter" || event.key === "Tab") &&
      person !== undefined &&
      !event.ctrlKey &&
      !event.metaKey
    )
      choose(person);
    else if (event.key === "Escape") setMention(null);
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  };

  const missed = useMissed(draft, thread, me.id);
  const nothing = draft.body.trim() === "" && draft.files.length === 0;
  const stale = !note && missed.length > 0 && !nothing;
  const names = list([...new Set(missed.map((message) => message.author.name))]);

  const attach = (files: readonly File[]) => {
    uploads.add(ticket.id, files);
    if (draft.seenVersion === null) drafts.write(ticket.id, { seenVersion: version });
    box.current?.focus();
  };
  const drop = useFileDrop(attach);

  const understood = () => drafts.write(ticket.id, { seenVersion: version, missed: [] });

  const send = (status: TicketStatus | null, anyway = false) => {
    const body = draft.body.trim();
    if (nothing) {
      box.current?.focus();
      return;
    }
    if (sending.length > 0) {
      announce(strings.files.stillSending);
      return;
    }
    if (stale && !anyway) {
      document.getElementById(staleId)?.focus();
      return;
    }
    // Where nobody else spoke since, what has come since is the writer's own, and no news.
    const read = missed.length === 0 && thread.kind === "ready" ? thread.version : 0;
    const seenVersion = anyway ? version : Math.max(draft.seenVersion ?? version, read);
    writer.stop();
    const files = draft.files.map((file) => file.id);
    uploads.remember(draft.files);
    drafts.clear(ticket.id);
    setPreviewing(false);
    sync.presenceOf.look(ticket.id);
    const mentions = note ? mentionedIn(body, colleagues()) : [];
    void actions.send(ticket.id, {
      body,
      visibility: draft.visibility,
      seenVersion,
      status,
      mentions,
      files,
    });
  };

  if (ticket.status === "closed") {
    return (
      <p className="border-t bg-canvas px-6 py-4 text-center text-ink-3 text-sm">{strings.ticket.closed}</p>
    );
  }

  return (
    <div className="shrink-0 px-3 pb-3 @2xl:px-6 @2xl:pb-4">
      <div
        className={clsx(
          "@container relative mx-auto max-w-[51rem] rounded-xl border transition-colors duration-(--motion) focus-within:border-line-strong",
          note
            ? "border-note-line bg-note focus-within:border-note-ink"
            : "border-line-strong bg-raised focus-within:border-accent",
        )}
        data-mode={note ? "note" : "reply"}
        {...drop.target}
      >
        {drop.dropping ? (
          <p className="pointer-events-none absolute inset-0 z-10 grid place-items-center rounded-xl border-2 border-accent border-dashed bg-accent-soft font-medium text-accent text-sm">
            {strings.files.drop}
          </p>
        ) : null}
        {stale ? <StaleNotice id={staleId} names={names} missed={missed} onUnderstood={understood} /> : null}
        <div
          role="tablist"
          aria-label={strings.ticket.thread}
          className="flex items-center gap-1 px-2 pt-1.5"
        >
          <ModeTab
            active={!note}
            onClick={() => {
              drafts.write(ticket.id, { visibility: "public" });
              box.current?.focus();
            }}
          >
            <CornerUpLeft className="size-3.5" aria-hidden="true" />
            {strings.composer.reply}
            <Kbd keys="r" className="hidden @md:inline-flex" />
          </ModeTab>
          <ModeTab
            active={note}
            note
            onClick={() => {
              drafts.write(ticket.id, { visibility: "internal" });
              box.current?.focus();
            }}
          >
            <Lock className="size-3.5" aria-hidden="true" />
            {strings.composer.note}
            <Kbd keys="n" className="hidden @md:inline-flex" />
          </ModeTab>
          <span
            className={clsx("ml-auto min-w-0 truncate pr-2 text-xs", note ? "text-note-ink" : "text-ink-3")}
          >
            {note ? strings.composer.noteHint : `${strings.composer.to} ${ticket.requester.email}`}
          </span>
        </div>
        {previewing ? (
          <section
            aria-label={strings.composer.preview}
            className="scroll-thin max-h-[33vh] min-h-14 overflow-y-auto px-3.5 py-2 text-base"
          >
            <MessageBody message={{ body: draft.body, body_format: "markdown" }} />
          </section>
        ) : (
          <textarea
            ref={box}
            rows={2}
            value={draft.body}
            aria-label={
              note ? strings.composer.noteLabel : strings.composer.replyLabel(ticket.requester.name)
            }
            placeholder={
              note
                ? strings.composer.notePlaceholder
                : strings.composer.replyPlaceholder(ticket.requester.name)
            }
            aria-autocomplete={note ? "list" : undefined}
            aria-controls={note && offered.length > 0 ? mentionsId : undefined}
            aria-activedescendant={offered.length > 0 ? `${mentionsId}-${offeredAt}` : undefined}
            onChange={(event) => {
              write(event.target.value);
              setMention(note ? mentionAt(event.target.value, event.target.selectionStart) : null);
              setMentionIndex(0);
            }}
            onPaste={drop.onPaste}
            onBlur={() => setMention(null)}
            onKeyDown={(event) => {
              if (onMentionKey(event)) return;
              if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) {
                event.preventDefault();
                event.stopPropagation();
                send(event.shiftKey ? "solved" : null);
              } else if (event.key === "Escape") {
                event.preventDefault();
                event.stopPropagation();
                document.getElementById("ticket")?.focus();
              }
            }}
            className={clsx(
              "scroll-thin block w-full resize-none bg-transparent px-3.5 py-2 text-base outline-none placeholder:text-ink-3",
              note && "placeholder:text-note-ink/75",
            )}
          />
        )}
        {offered.length > 0 ? (
          <MentionList
            id={mentionsId}
            label={strings.composer.mention}
            people={offered}
            at={offeredAt}
            onChoose={choose}
          />
        ) : null}
        {note || (draft.body === "" && !writer.writing) ? null : <DraftSources writer={writer} />}
        <AttachmentTray
          ticket={ticket.id}
          files={draft.files}
          sending={sending}
          uploads={uploads}
          pictureOf={thumbnailUrl}
          className="px-3 pb-2"
        />
        <div className="flex items-center gap-2 px-2 pb-2">
          <FilePicker ref={picker} onPick={attach} />
          <Tooltip label={strings.files.attach}>
            <Button
              variant="ghost"
              size="icon"
              aria-label={strings.files.attach}
              onClick={() => picker.current?.click()}
            >
              <Paperclip className="size-4" />
            </Button>
          </Tooltip>
          {note || ticket.triage === null ? null : <DraftButton writer={writer} />}
          <MacroMenu onInsert={(macro) => insert.current(macro)} />
          <Tooltip label={previewing ? strings.composer.edit : strings.composer.preview}>
            <Button
              variant="ghost"
              size="icon"
              aria-label={strings.composer.preview}
              aria-pressed={previewing}
              disabled={draft.body.trim() === ""}
              onClick={() => (previewing ? edit() : setPreviewing(true))}
            >
              {previewing ? <PenLine className="size-4" /> : <Eye className="size-4" />}
            </Button>
          </Tooltip>
          <span className="hidden min-w-0 flex-1 truncate pl-1 text-2xs text-ink-3 @md:inline">
            {draft.body === "" ? strings.composer.formatHint : strings.composer.draftKept}
          </span>
          <span className="flex-1 @md:hidden" />
          {note ? (
            <Button variant="note" onClick={() => send(null)} disabled={nothing || sending.length > 0}>
              {strings.composer.sendNote}
              <Kbd keys="mod+Enter" className="hidden @md:inline-flex" />
            </Button>
          ) : (
            <>
              <span className="hidden @lg:contents">
                <Button onClick={() => send("solved", stale)} disabled={nothing || sending.length > 0}>
                  {strings.composer.sendAndSolve}
                  <Kbd keys="mod+shift+Enter" />
                </Button>
              </span>
              <div className="flex">
                <Button
                  variant="primary"
                  className="rounded-r-none"
                  onClick={() => send(null, stale)}
                  disabled={nothing || sending.length > 0}
                >
                  {stale ? strings.composer.sendAnyway : strings.composer.send}
                  <Kbd keys="mod+Enter" className="hidden @md:inline-flex" />
                </Button>
                <Menu>
                  <MenuTrigger asChild>
                    <Button
                      variant="primary"
                      size="half"
                      aria-label={strings.composer.moreSends}
                      className="ml-px rounded-l-none"
                      disabled={nothing || sending.length > 0}
                    >
                      <ChevronDown className="size-4" />
                    </Button>
                  </MenuTrigger>
                  <MenuContent side="top" align="end" onCloseAutoFocus={(event) => event.preventDefault()}>
                    <MenuItem icon={<StatusIcon status="solved" />} onSelect={() => send("solved", stale)}>
                      {strings.composer.sendAndSolve}
                    </MenuItem>
                    <MenuItem icon={<StatusIcon status="pending" />} onSelect={() => send("pending", stale)}>
                      {strings.composer.sendAndPend}
                    </MenuItem>
                  </MenuContent>
                </Menu>
              </div>
            </>
          )}
        </div>
      </div>
    </div>
  );
});

function MacroMenu({ onInsert }: { onInsert: (macro: Macro) => void }) {
  const { macros } = useDesk();
  const [, navigate] = useLocation();
  const all = useCollection(macros);
  return (
    <Menu>
      <Tooltip label={strings.macros.insert}>
        <MenuTrigger asChild>
          <Button variant="ghost" size="icon" aria-label={strings.macros.insert}>
            <Zap className="size-4" />
          </Button>
        </MenuTrigger>
      </Tooltip>
      <MenuContent side="top" align="start" onCloseAutoFocus={(event) => event.preventDefault()}>
        {all.map((macro) => (
          <MenuItem key={macro.id} onSelect={() => onInsert(macro)}>
            {macro.name}
          </MenuItem>
        ))}
        {all.length > 0 ? <MenuSeparator /> : null}
        <MenuItem onSelect={() => navigate("/settings/macros")}>{strings.macros.manage}</MenuItem>
      </MenuContent>
    </Menu>
  );
}

/** Public messages of others since the writer began; what the server told us, when it refused, comes first. */
function useMissed(draft: Draft, thread: ThreadState, me: string): readonly Message[] {
  const { seenVersion, missed: told } = draft;
  return useMemo(() => {
    if (told.length > 0) return told;
    if (seenVersion === null || thread.kind !== "ready") return [];
    return thread.records.flatMap((record) => {
      if (record.version <= seenVersion || !("message" in record.event)) return [];
      const { message } = record.event;
      return message.visibility === "public" && message.author.id !== me ? [message] : [];
    });
  }, [seenVersion, told, thread, me]);
}

function ModeTab({
  active,
  note = false,
  onClick,
  children,
}: {
  active: boolean;
  note?: boolean;
  onClick: () => void;
  children: React.ReactNode;
}) {
  return (
    <button
      type="button"
      role="tab"
      aria-selected={active}
      onClick={onClick}
      className={clsx(
        "flex h-7 items-center gap-1.5 rounded-md px-2 font-medium text-xs transition-colors coarse:h-10",
        active
          ? note
            ? "bg-note-line/50 text-note-ink"
            : "bg-accent-soft text-accent"
          : "text-ink-3 hover:bg-hover hover:text-ink-2",
      )}
    >
      {children}
    </button>
  );
}

function StaleNotice({
  id,
  names,
  missed,
  onUnderstood,
}: {
  id: string;
  names: string;
  missed: readonly Message[];
  onUnderstood: () => void;
}) {
  const box = useRef<HTMLElement>(null);
  useEffect(() => {
    box.current?.scrollIntoView({ block: "nearest" });
  }, []);
  return (
    <section
      ref={box}
      id={id}
      tabIndex={-1}
      aria-label={strings.composer.staleTitle(names)}
      className="m-1.5 flex animate-fade flex-col gap-2 rounded-lg bg-warn-soft p-3"
    >
      <div className="flex items-start gap-2">
        <MessagesSquare className="mt-0.5 size-4 shrink-0 text-warn" aria-hidden="true" />
        <div className="flex-1">
          <p className="font-semibold text-sm text-warn">{strings.composer.staleTitle(names)}</p>
          <p className="text-ink-2 text-xs">{strings.composer.staleHint}</p>
        </div>
        <Button size="sm" onClick={onUnderstood}>
          {strings.composer.understood}
        </Button>
      </div>
      <div className="scroll-thin flex max-h-40 flex-col gap-2 overflow-y-auto text-sm">
        {missed.map((message) => (
          <div key={message.id} className="rounded-md bg-raised px-3 py-2">
            <p className="pb-0.5 text-ink-3 text-xs">
              <span className="font-semibold text-ink">{message.author.name}</span> · {timeOfDay(message.at)}
            </p>
            <MessageBody message={message} />
          </div>
        ))}
      </div>
    </section>
  );
}
