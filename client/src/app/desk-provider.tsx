import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useCallback, useEffect, useMemo, useState } from "react";
import { useLocation } from "wouter";
import { type Conflict, type Desk, DeskContext, type Flash, type Undoable } from "@/desk/desk-context";
import { Drafts } from "@/desk/drafts";
import { followPreferences } from "@/desk/follow-preferences";
import { macros } from "@/desk/macros";
import { newId } from "@/desk/new-id";
import { NO_PREFERENCES, PreferencesStore } from "@/desk/preferences";
import { takeOver } from "@/desk/preferences-before";
import { refusalText } from "@/desk/refusal-text";
import { savedViews } from "@/desk/saved-views";
import { SharedStore } from "@/desk/shared";
import { formOf, TicketForms } from "@/desk/ticket-forms";
import { dismissToast, errorToast, toast } from "@/desk/toast";
import { Unread } from "@/desk/unread";
import { Uploads } from "@/desk/uploads";
import type { DeskInfo, Me, User } from "@/protocol/types";
import type { Api } from "@/sync/api";
import { Cell, Happening } from "@/sync/cell";
import { browserClock } from "@/sync/clock";
import { DeskSync } from "@/sync/desk-sync";
import { FallbackTransport } from "@/sync/fallback-transport";
import { longPollTransport } from "@/sync/long-poll-transport";
import { webStorage } from "@/sync/storage";
import { xhrUploads } from "@/sync/upload-wire";
import { webSocketTransport } from "@/sync/web-socket-transport";
import { useAnnounce } from "./live-region";
import { errorReports } from "./report-errors";
import { strings } from "./strings/strings";
import { browserTabs, orphanedOutboxes } from "./tab";

/** What other browsers change is asked for this often while somebody looks; what colleagues share, the socket tells at once. */
const REFRESH_MS = 60_000;

function socketUrl(): string {
  const url = new URL("/api/v1/ws", window.location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

/** Opens the desk for one signed-in user and wires it to this browser: socket, storage, network, visibility. */
export function DeskProvider({
  api,
  me,
  info,
  people,
  client,
  children,
}: {
  api: Api;
  me: Me;
  info: DeskInfo;
  people: User[];
  client: string;
  children: ReactNode;
}) {
  const announce = useAnnounce();
  const queries = useQueryClient();
  const [, navigate] = useLocation();
  const [kept] = useState(() => {
    const storage = webStorage(window.localStorage, window);
    const transport = new FallbackTransport(
      webSocketTransport(socketUrl(), (url, protocol) => new WebSocket(url, protocol)),
      longPollTransport((input, init) => fetch(input, init)),
      browserClock,
    );
    const drafts = new Drafts(storage, me.id);
    const preferences = new PreferencesStore(
      { storage, user: me.id, api, clock: browserClock },
      { ...NO_PREFERENCES, macros: strings.macros.first },
      takeOver(storage, me.id),
    );
    const shared = new SharedStore(api);
    return {
      storage,
      preferences,
      shared,
      mode: transport.mode,
      drafts,
      uploads: new Uploads(
        xhrUploads(() => new XMLHttpRequest()),
        drafts,
        browserClock,
      ),
      unread: new Unread(storage, me.id, Date.now()),
      savedViews: savedViews(preferences, shared),
      macros: macros(preferences, shared),
      flashes: new Happening<Flash>(),
      conflicts: new Cell<ReadonlyMap<number, Conflict>>(new Map()),
      lastChange: new Cell<Undoable | null>(null),
      sync: new DeskSync({
        transport,
        api,
        clock: browserClock,
        storage,
        newId,
        client,
        user: me.id,
        visible: () => document.visibilityState === "visible",
      }),
    };
  });
  const { sync, drafts, uploads, flashes, lastChange, storage, unread, conflicts, preferences, shared } =
    kept;
  const byId = useMemo(() => new Map(people.map((person) => [person.id, person])), [people]);

  errorReports.build = info.build ?? "";
  useEffect(() => {
    sync.start();
    const onVisible = () => sync.visibilityChanged();
    const onOnline = () => sync.connection.nudge();
    document.addEventListener("visibilitychange", onVisible);
    window.addEventListener("online", onOnline);
    return () => {
      document.removeEventListener("visibilitychange", onVisible);
      window.removeEventListener("online", onOnline);
      sync.stop();
    };
  }, [sync]);

  useEffect(() => {
    const refresh = () => {
      if (document.visibilityState === "hidden") return;
      void preferences.refresh();
      void shared.refresh();
    };
    refresh();
    const timer = setInterval(refresh, REFRESH_MS);
    document.addEventListener("visibilitychange", refresh);
    window.addEventListener("online", refresh);
    const unfollow = followPreferences(preferences);
    const unheard = preferences.refused.subscribe(({ code, message, details }) => {
      errorToast(strings.settings.notKept, { description: refusalText(code, message, details, (id) => id) });
    });
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", refresh);
      window.removeEventListener("online", refresh);
      unfollow();
      unheard();
      preferences.stop();
    };
  }, [preferences, shared]);

  useEffect(() => {
    let before = sync.revisions.get();
    return sync.revisions.subscribe(() => {
      const now = sync.revisions.get();
      if (before !== null && now !== null) {
        if (now.shared !== before.shared) void shared.refresh();
        if (now.people !== before.people) void queries.invalidateQueries({ queryKey: ["people"] });
        if (now.settings !== before.settings) void queries.invalidateQueries({ queryKey: ["settings"] });
      }
      before = now;
    });
  }, [sync, shared, queries]);

  useEffect(() => {
    const tabs = browserTabs();
    const adopt = async () => {
      for (const key of await orphanedOutboxes(tabs, storage, me.id, client)) sync.outbox.adopt(key);
    };
    void adopt();
    const timer = setInterval(() => void adopt(), REFRESH_MS);
    return () => clearInterval(timer);
  }, [storage, sync, me.id, client]);

  useEffect(() => {
    const nameOf = (id: string) => byId.get(id)?.name ?? id;
    return sync.outbox.rolledBack.subscribe(({ command, code, message, details, theirs }) => {
      const { ticket } = command;
      const reason = refusalText(code, message, details, nameOf);
      dismissToast(command.id);
      if (lastChange.get()?.commandId === command.id) lastChange.set(null);
      if (command.do.type === "message" && ticket !== null) {
        drafts.restore(ticket, command.do, details.messages ?? []);
        void uploads.giveBack(ticket, command.do.attachments ?? []);
        errorToast(strings.actions.notSent(ticket), {
          id: `refused-${command.id}`,
          description: reason,
          action: { label: strings.actions.open(ticket), onClick: () => navigate(`/tickets/${ticket}`) },
        });
        announce(`${strings.actions.notSent(ticket)}. ${reason}`);
        return;
      }
      if (command.do.type === "create") {
        // The dialog that asked for it went with an earlier page.
        new TicketForms(storage, me.id).giveBack(formOf(command.do));
        errorToast(strings.newTicket.refused, { id: `refused-${command.id}`, description: reason });
        announce(`${strings.newTicket.refused}. ${reason}`);
        return;
      }
      if (theirs !== undefined && ticket !== null && command.do.type === "update") {
        const { type: _, ...mine } = command.do;
        const by = sync.changedBy(ticket);
        conflicts.set(new Map(conflicts.get()).set(ticket, { mine, theirs, by }));
        const title = strings.conflict.title(ticket, by === null ? strings.conflict.somebody : nameOf(by));
        errorToast(title, {
          id: `refused-${command.id}`,
          duration: Number.POSITIVE_INFINITY,
          action: { label: strings.conflict.decide, onClick: () => navigate(`/tickets/${ticket}`) },
        });
        announce(title);
        return;
      }
      errorToast(strings.actions.refused(ticket), { id: `refused-${command.id}`, description: reason });
      announce(`${strings.actions.refused(ticket)}. ${reason}`);
      if (ticket !== null && command.predict !== null) {
        flashes.emit({ ticket, fields: Object.keys(command.predict), kind: "refused" });
      }
    });
  }, [sync, drafts, uploads, flashes, lastChange, conflicts, byId, navigate, announce, storage, me.id]);

  useEffect(
    () =>
      sync.records.subscribe((record) => {
        if (record.by === me.id) {
          if ("message" in record.event) unread.saw(record.ticket, record.event.message.at);
          return;
        }
        flashes.emit({ ticket: record.ticket, fields: Object.keys(record.patch), kind: "changed" });
        if ("message" in record.event && record.event.message.mentions?.includes(me.id)) {
          const { ticket } = record;
          toast(strings.list.mentionedBy(byId.get(record.by)?.name ?? record.by, ticket), {
            id: `mention-${record.seq}`,
            action: { label: strings.actions.open(ticket), onClick: () => navigate(`/tickets/${ticket}`) },
          });
        }
      }),
    [sync, flashes, unread, byId, navigate, me.id],
  );

  useEffect(
    () =>
      sync.faults.subscribe(({ code, message }) => {
        errorToast(strings.problems.title, { description: refusalText(code, message, {}, (id) => id) });
      }),
    [sync],
  );

  const signOut = useCallback(() => {
    sync.stop();
    const leave = () => {
      queries.clear();
      navigate("/sign-in", { replace: true });
    };
    // Signed out here even if the server cannot be told; its session then ends by itself.
    api.signOut().then(leave, leave);
  }, [api, sync, queries, navigate]);

  const desk = useMemo<Desk>(
    () => ({ ...kept, api, me, info, people: byId, announce, signOut }),
    [kept, api, me, info, byId, announce, signOut],
  );
  return <DeskContext.Provider value={desk}>{children}</DeskContext.Provider>;
}
