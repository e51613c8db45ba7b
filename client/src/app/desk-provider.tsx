import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useCallback, useEffect, useMemo, useState } from "react";
import { useLocation } from "wouter";
import { type Conflict, type Desk, DeskContext, type Flash, type Undoable } from "@/desk/desk-context";
import { Drafts } from "@/desk/drafts";
import { Macros } from "@/desk/macros";
import { newId } from "@/desk/new-id";
import { refusalText } from "@/desk/refusal-text";
import { SavedViews } from "@/desk/saved-views";
import { dismissToast, errorToast } from "@/desk/toast";
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
import { orphanedOutboxes } from "./tab";

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
  const [
    { sync, drafts, uploads, flashes, lastChange, storage, unread, savedViews, macros, conflicts, mode },
  ] = useState(() => {
    const storage = webStorage(window.localStorage);
    const transport = new FallbackTransport(
      webSocketTransport(socketUrl(), (url, protocol) => new WebSocket(url, protocol)),
      longPollTransport((input, init) => fetch(input, init)),
      browserClock,
    );
    const drafts = new Drafts(storage, me.id);
    return {
      storage,
      mode: transport.mode,
      drafts,
      uploads: new Uploads(
        xhrUploads(() => new XMLHttpRequest()),
        drafts,
        browserClock,
      ),
      unread: new Unread(storage, me.id, Date.now()),
      savedViews: new SavedViews(storage, me.id),
      macros: new Macros(storage, me.id),
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
    void orphanedOutboxes(storage, me.id, client).then((keys) => {
      for (const key of keys) sync.outbox.adopt(key);
    });
  }, [storage, sync, me.id, client]);

  useEffect(() => {
    const nameOf = (id: string) => byId.get(id)?.name ?? id;
    return sync.outbox.rolledBack.subscribe(({ command, code, message, details, theirs }) => {
      const { ticket } = command;
      const reason = refusalText(code, message, details, nameOf);
      dismissToast(command.id);
      if (lastChange.get()?.commandId === command.id) lastChange.set(null);
      if (command.do.type === "message" && ticket !== null) {
        drafts.restore(ticket, command.do.body, command.do.visibility, details.messages ?? []);
        void uploads.giveBack(ticket, command.do.attachments ?? []);
        errorToast(strings.actions.notSent(ticket), {
          id: `refused-${command.id}`,
          description: reason,
          action: { label: strings.actions.open(ticket), onClick: () => navigate(`/tickets/${ticket}`) },
        });
        announce(`${strings.actions.notSent(ticket)}. ${reason}`);
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
  }, [sync, drafts, uploads, flashes, lastChange, conflicts, byId, navigate, announce]);

  useEffect(
    () =>
      sync.records.subscribe((record) => {
        if (record.by === me.id) {
          if ("message" in record.event) unread.saw(record.ticket, record.event.message.at);
          return;
        }
        flashes.emit({ ticket: record.ticket, fields: Object.keys(record.patch), kind: "changed" });
      }),
    [sync, flashes, unread, me.id],
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
    () => ({
      sync,
      api,
      me,
      info,
      people: byId,
      mode,
      storage,
      drafts,
      uploads,
      unread,
      savedViews,
      macros,
      conflicts,
      flashes,
      lastChange,
      announce,
      signOut,
    }),
    [
      sync,
      api,
      me,
      info,
      byId,
      mode,
      storage,
      drafts,
      uploads,
      unread,
      savedViews,
      macros,
      conflicts,
      flashes,
      lastChange,
      announce,
      signOut,
    ],
  );
  return <DeskContext.Provider value={desk}>{children}</DeskContext.Provider>;
}
