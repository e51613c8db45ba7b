import { useSyncExternalStore } from "react";

function now(): number {
  return Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
}

function subscribe(listener: () => void): () => void {
  window.addEventListener("resize", listener);
  return () => window.removeEventListener("resize", listener);
}

/** Pixels of one `rem`: it grows with the screen, and with it whatever is placed by numbers. */
export function useRem(): number {
  return useSyncExternalStore(subscribe, now);
}
