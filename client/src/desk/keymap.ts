import { Cell } from "@/sync/cell";

/** Which keys this user has in place of the usual ones: from the usual to the chosen. */
export const keymap = new Cell<Readonly<Record<string, string>>>({});

/** The keys that do what `keys` usually do. */
export function chosenKeys(keys: string): string {
  return keymap.get()[keys] ?? keys;
}
