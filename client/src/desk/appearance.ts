import { Cell } from "@/sync/cell";

export const DENSITIES = ["comfortable", "compact"] as const;
export type Density = (typeof DENSITIES)[number];

const KEY = "hotdesk.density";
const ROW_PX: Record<Density, number> = { comfortable: 64, compact: 52 };

function stored(): Density {
  return localStorage.getItem(KEY) === "compact" ? "compact" : "comfortable";
}

export const density = new Cell<Density>(stored());
/** The height of a row in a list of tickets. */
export const rowPx = new Cell(ROW_PX[density.get()]);

export function setDensity(next: Density): void {
  localStorage.setItem(KEY, next);
  density.set(next);
  rowPx.set(ROW_PX[next]);
}
