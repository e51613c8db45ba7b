import { useSyncExternalStore } from "react";
import { theme } from "@/desk/theme";

const dark = window.matchMedia("(prefers-color-scheme: dark)");

/** Names the colours in use: what is painted on a canvas must be painted anew when it changes. */
export function useScheme(): string {
  const chosen = useSyncExternalStore(theme.subscribe, theme.get);
  const system = useSyncExternalStore(
    (listener) => {
      dark.addEventListener?.("change", listener);
      return () => dark.removeEventListener?.("change", listener);
    },
    () => dark.matches,
  );
  return chosen === "system" ? String(system) : chosen;
}

/** A token's colour as a canvas understands it, where it is drawn. */
export function colourOf(host: HTMLElement, token: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(--${token})`;
  host.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}
