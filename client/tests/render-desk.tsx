import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, render } from "@testing-library/react";
import type { ReactNode } from "react";
import { type Conflict, type Desk, DeskContext, type Flash, type Undoable } from "@/desk/desk-context";
import { Drafts } from "@/desk/drafts";
import { macros } from "@/desk/macros";
import { PreferencesStore } from "@/desk/preferences";
import { savedViews } from "@/desk/saved-views";
import { SharedStore } from "@/desk/shared";
import { nothingShared, serverOf } from "@/desk/testing/preferences-server";
import { Unread } from "@/desk/unread";
import { Uploads } from "@/desk/uploads";
import { ActionsProvider } from "@/keyboard/actions";
import type { DeskInfo, Me, TicketStatus, User } from "@/protocol/types";
import { Cell, Happening } from "@/sync/cell";
import type { Mode } from "@/sync/fallback-transport";
import { memoryStorage } from "@/sync/storage";
import { ManualClock } from "@/sync/testing/manual-clock";
import { ModelServer } from "@/sync/testing/model-server";
import { ModelUploads } from "@/sync/testing/model-uploads";
import { Peer } from "@/sync/testing/peer";

const statuses: TicketStatus[] = ["new", "open", "pending", "on_hold", "solved", "closed"];

export const info: DeskInfo = {
  name: "Test desk",
  version: "0",
  statuses,
  moves: Object.fromEntries(
    statuses.map((from) => [from, statuses.filter((to) => to !== from)]),
  ) as DeskInfo["moves"],
  priorities: ["low", "normal", "high", "urgent"],
  categories: [],
  teams: [],
  undo_window_ms: 600_000,
};

const people: User[] = ["ada", "bo"].map((id) => ({
  id,
  name: id === "ada" ? "Ada Lindqvist" : "Bo Okafor",
  role: "agent",
  teams: [],
  active: true,
}));

/** A screen on a desk of two, against the model server, with the time in the test's hand. */
export async function stage(draw: () => ReactNode, over: Partial<Desk> = {}) {
  const clock = new ManualClock();
  const server = new ModelServer(clock);
  server.open("The printer is on fire");
  server.open("The printer is out");
  const ada = new Peer(server, clock, "ada");
  ada.desk.start();
  await clock.advance(100);

  const storage = memoryStorage();
  const drafts = new Drafts(storage, "ada");
  const wire = new ModelUploads();
  const announced: string[] = [];
  const preferences = new PreferencesStore({ storage, user: "ada", api: serverOf(), clock });
  const shared = new SharedStore(nothingShared);
  const desk: Desk = {
    sync: ada.desk,
    api: { tickets: async () => ({ data: [], meta: { has_more: false } }) } as unknown as Desk["api"],
    me: { ...people[0], email: "ada@example.com", permissions: [], created_at: "" } as unknown as Me,
    info,
    people: new Map(people.map((person) => [person.id, person])),
    mode: new Cell<Mode>("socket"),
    storage,
    drafts,
    uploads: new Uploads(wire, drafts, clock),
    unread: new Unread(storage, "ada", clock.now()),
    preferences,
    shared,
    savedViews: savedViews(preferences, shared),
    macros: macros(preferences, shared),
    conflicts: new Cell<ReadonlyMap<number, Conflict>>(new Map()),
    lastChange: new Cell<Undoable | null>(null),
    flashes: new Happening<Flash>(),
    announce: (sentence) => announced.push(sentence),
    signOut: () => {},
    ...over,
  };
  // As the app does with what cannot succeed later; a test has no time to wait.
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const ui = () => (
    <QueryClientProvider client={queries}>
      <DeskContext.Provider value={desk}>
        <ActionsProvider>{draw()}</ActionsProvider>
      </DeskContext.Provider>
    </QueryClientProvider>
  );
  const screen = render(ui());
  const advance = (ms: number) => act(() => clock.advance(ms));
  await advance(100);
  return { clock, server, wire, ada, desk, storage, announced, advance, screen };
}
