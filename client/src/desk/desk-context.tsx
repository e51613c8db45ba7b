import { createContext, useContext } from "react";
import type { DeskInfo, Me, Patch, TicketUpdate, User } from "@/protocol/types";
import type { Api } from "@/sync/api";
import type { Cell, Happening } from "@/sync/cell";
import type { DeskSync } from "@/sync/desk-sync";
import type { Mode } from "@/sync/fallback-transport";
import type { Storage } from "@/sync/storage";
import type { Drafts } from "./drafts";
import type { Macros } from "./macros";
import type { PreferencesStore } from "./preferences";
import type { SavedViews } from "./saved-views";
import type { SharedStore } from "./shared";
import type { Unread } from "./unread";

export interface Flash {
  ticket: number;
  fields: string[];
  /** `refused`: a change of ours was taken back. `changed`: somebody else changed it under our eyes. */
  kind: "refused" | "changed";
}

/** A change that was made offline, and what a colleague made of the same fields meanwhile. */
export interface Conflict {
  mine: TicketUpdate;
  theirs: Patch;
  by: string | null;
}

export interface Undoable {
  commandId: string;
  at: number;
  undo: () => void;
}

/** Everything about the desk that every screen of a signed-in user may need. */
export interface Desk {
  sync: DeskSync;
  api: Api;
  me: Me;
  info: DeskInfo;
  people: ReadonlyMap<string, User>;
  /** How records come: over a socket, or by calls where a socket cannot be had. */
  mode: Cell<Mode>;
  /** What this browser keeps for its user. */
  storage: Storage;
  drafts: Drafts;
  unread: Unread;
  /** How its user likes the desk, in every browser. */
  preferences: PreferencesStore;
  shared: SharedStore;
  savedViews: SavedViews;
  macros: Macros;
  flashes: Happening<Flash>;
  /** By ticket, until their owner decides. */
  conflicts: Cell<ReadonlyMap<number, Conflict>>;
  /** The last change that can be taken back, for the key that does it when its toast is gone. */
  lastChange: Cell<Undoable | null>;
  announce: (sentence: string) => void;
  signOut: () => void;
}

export const DeskContext = createContext<Desk | null>(null);

export function useDesk(): Desk {
  const desk = useContext(DeskContext);
  if (desk === null) throw new Error("a screen of the desk was drawn without a desk");
  return desk;
}
