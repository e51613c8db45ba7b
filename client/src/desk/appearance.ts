import { Cell } from "@/sync/cell";

export const DENSITIES = ["comfortable", "compact"] as const;
export type Density = (typeof DENSITIES)[number];

const KEY = "hotdesk.density";
const ROW_REM: Record<Density, number> = { comfortable: 4, compact: 3.25 };

function stored(): Density {
  return localStorage.getItem(KEY) === "compact" ? "compact" : "comfortable";
}

export const density = new Cell<Density>(stored());
/** The height of a row in a list of tickets. */
export const rowRem = new Cell(ROW_REM[density.get()]);

export function setDensity(next: Density): void {
  localStorage.setItem(KEY, next);
  density.set(next);
  rowRem.set(ROW_REM[next]);
}
