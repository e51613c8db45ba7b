import { useCallback, useEffect, useState, useSyncExternalStore } from "react";
import type { PresentUser, Ticket } from "@/protocol/types";
import type { ConnectionState } from "@/sync/connection";
import type { ViewSpec } from "@/sync/live-view";
import type { OutboxState } from "@/sync/outbox";
import type { Thread } from "@/sync/threads";
import type { Collection, Item, Owned } from "./collection";
import { useDesk } from "./desk-context";
import type { Draft } from "./drafts";
import type { View } from "./saved-views";

export function useTicket(id: number): Ticket | undefined {
  const { tickets } = useDesk().sync;
  return useSyncExternalStore(
    useCallback((listener) => tickets.subscribe(id, listener), [tickets, id]),
    () => tickets.get(id),
  );
}

/** The ids of a view, in order. */
export function useView(spec: ViewSpec): readonly number[] {
  const view = useDesk().sync.tickets.view(spec);
  return useSyncExternalStore(view.subscribe, view.ids);
}

export function useViewCount(spec: ViewSpec): number {
  const view = useDesk().sync.tickets.view(spec);
  return useSyncExternalStore(view.subscribeCount, view.count);
}

export function useConnection(): ConnectionState {
  const { state } = useDesk().sync.connection;
  return useSyncExternalStore(state.subscribe, state.get);
}

export function useOutbox(): OutboxState {
  const { state } = useDesk().sync.outbox;
  return useSyncExternalStore(state.subscribe, state.get);
}

export function usePresence(ticket: number): readonly PresentUser[] {
  const presence = useDesk().sync.presenceOf;
  return useSyncExternalStore(
    useCallback((listener) => presence.subscribe(ticket, listener), [presence, ticket]),
    () => presence.on(ticket),
  );
}

export function useThread(ticket: number): Thread {
  const { threads } = useDesk().sync;
  return useSyncExternalStore(
    useCallback((listener) => threads.subscribe(ticket, listener), [threads, ticket]),
    () => threads.get(ticket),
  );
}

export function useDraft(ticket: number): Draft {
  const { drafts } = useDesk();
  return useSyncExternalStore(
    useCallback((listener) => drafts.subscribe(ticket, listener), [drafts, ticket]),
    () => drafts.get(ticket),
  );
}

export function useHasDraft(ticket: number): boolean {
  const { tickets } = useDesk().drafts;
  return useSyncExternalStore(tickets.subscribe, () => tickets.get().has(ticket));
}

/** Whether something was said on it since this user last looked. */
export function useUnread(ticket: Ticket | undefined): boolean {
  const { unread } = useDesk();
  return useSyncExternalStore(unread.turn.subscribe, () => ticket !== undefined && unread.has(ticket));
}

export function useCollection<T extends Item>({ all }: Collection<T>): readonly Owned<T>[] {
  return useSyncExternalStore(all.subscribe, all.get);
}

export function useSavedViews(): readonly View[] {
  return useCollection(useDesk().savedViews);
}

/** A field that was just changed under the user's eyes; `turn` is new with each time. */
export function useFlash(
  ticket: number,
  field: string,
): { kind: "refused" | "changed"; turn: number } | null {
  const { flashes } = useDesk();
  const [flash, setFlash] = useState<{ kind: "refused" | "changed"; turn: number } | null>(null);
  useEffect(() => {
    setFlash(null);
    return flashes.subscribe((event) => {
      if (event.ticket !== ticket || !event.fields.includes(field)) return;
      setFlash((before) => ({ kind: event.kind, turn: (before?.turn ?? 0) + 1 }));
    });
  }, [flashes, ticket, field]);
  return flash;
}

export function usePersonName(): (id: string) => string {
  const { people } = useDesk();
  return useCallback((id) => people.get(id)?.name ?? id, [people]);
}
