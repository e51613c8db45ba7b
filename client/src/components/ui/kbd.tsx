import clsx from "clsx";
import { useSyncExternalStore } from "react";
import { chosenKeys, keymap } from "@/desk/keymap";

const APPLE = typeof navigator !== "undefined" && /Mac|iPhone|iPad/.test(navigator.userAgent);

const SYMBOLS: Record<string, string> = {
  mod: APPLE ? "⌘" : "Ctrl",
  shift: "⇧",
  Enter: "↵",
  Escape: "Esc",
};

/** `mod+k` is held together, `g i` comes one after the other, and a capital letter needs shift. */
function partsOf(keys: string): string[] {
  if (keys.length === 1) return /[A-Z]/.test(keys) ? ["shift", keys] : [keys];
  return keys.split(/[+ ]/);
}

/** A shortcut as it is printed on the keys. A finger has none, so it is not shown to one. */
export function Kbd({
  keys,
  className = "inline-flex",
  spoken = false,
}: {
  keys: string;
  className?: string;
  /** It is what its button is called by, and no mere reminder. */
  spoken?: boolean;
}) {
  useSyncExternalStore(keymap.subscribe, keymap.get);
  const parts = partsOf(chosenKeys(keys));
  return (
    <span className={clsx("shrink-0 gap-0.5 coarse:hidden", className)} aria-hidden={!spoken}>
      {parts.map((part, place) => (
        <kbd
          // biome-ignore lint/suspicious/noArrayIndexKey: a key may be pressed twice, and the order never changes
          key={place}
          className="inline-flex h-4.5 min-w-4.5 items-center justify-center rounded border border-current/25 px-1 font-sans text-2xs leading-none"
        >
          {SYMBOLS[part] ?? part.toUpperCase()}
        </kbd>
      ))}
    </span>
  );
}
