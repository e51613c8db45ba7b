import {
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
} from "react";
import { chosenKeys } from "@/desk/keymap";
import { Cell, Happening } from "@/sync/cell";

export type Section = "tickets" | "ticket" | "go" | "app";

export interface Action {
  id: string;
  title: string;
  section: Section;
  /** One key (`j`, `?`, `J` with shift), two in a row (`g i`), or a chord with the platform's command key (`mod+k`). */
  keys?: string;
  /** Where two want one key, the higher layer has it: what is done to a selection goes before what is done to a ticket. */
  layer?: number;
  /** More words that the palette finds it by. */
  words?: string;
  run: () => void;
}

/** What can be done right now, for the keyboard, the palette and the help sheet alike. */
export class ActionRegistry {
  readonly all = new Cell<readonly Action[]>([]);
  /** By a key: the ids of what was done. */
  readonly used = new Happening<string>();

  add(action: Action): () => void {
    this.all.set([...this.all.get().filter((other) => other.id !== action.id), action]);
    return () => {
      this.all.set(this.all.get().filter((other) => other !== action));
    };
  }

  find(event: KeyboardEvent): Action | undefined {
    return this.bound(keysOf(event));
  }

  bound(keys: string): Action | undefined {
    let best: Action | undefined;
    for (const action of this.all.get()) {
      if (
        action.keys !== undefined &&
        chosenKeys(action.keys) === keys &&
        (best === undefined || (action.layer ?? 0) > (best.layer ?? 0))
      )
        best = action;
    }
    return best;
  }

  /** Something that will have these keys, or all of them, is on its way: until it is there, what is typed for it does nothing else. */
  readonly holds = new Set<{ keys: readonly string[] | null }>();

  isHeld(pressed: string): boolean {
    return [...this.holds].some(({ keys }) => keys?.some((key) => chosenKeys(key) === pressed) ?? true);
  }

  /** Whether some action waits for a second key after this one. */
  begins(key: string): boolean {
    return this.all
      .get()
      .some((action) => action.keys !== undefined && chosenKeys(action.keys).startsWith(`${key} `));
  }
}

/** The second key of two must come soon, or the first was a slip. */
const SECOND_KEY_MS = 1_200;

export const ActionsContext = createContext<ActionRegistry | null>(null);

export function useActionRegistry(): ActionRegistry {
  const registry = useContext(ActionsContext);
  if (registry === null) throw new Error("an action was offered outside of the provider");
  return registry;
}

/** Offers an action for as long as the component is there; null offers nothing. */
export function useAction(action: Action | null): void {
  const registry = useActionRegistry();
  const latest = useRef(action);
  latest.current = action;
  const { id, title, section, keys, words, layer } = action ?? {};
  // With what is drawn, not a moment after it: whoever sees the thing may press its key at once.
  useLayoutEffect(() => {
    if (id === undefined || title === undefined || section === undefined) return;
    return registry.add({
      id,
      title,
      section,
      ...(keys === undefined ? {} : { keys }),
      ...(words === undefined ? {} : { words }),
      ...(layer === undefined ? {} : { layer }),
      run: () => latest.current?.run(),
    });
  }, [registry, id, title, section, keys, words, layer]);
}

function keysOf(event: KeyboardEvent): string {
  const mod = event.metaKey || event.ctrlKey;
  return mod ? `mod+${event.key.toLowerCase()}` : event.key;
}

/** Single keys belong to whoever is writing, and to an open menu or dialog. */
function isTaken(event: KeyboardEvent): boolean {
  const target = event.target;
  if (!(target instanceof HTMLElement)) return false;
  if (target.closest("[role=dialog], [role=menu], [role=listbox][data-keys=own]")) return true;
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

/** What a field of text does by itself. */
const EDITING: ReadonlySet<string> = new Set(["a", "c", "v", "x", "y", "z"].map((key) => `mod+${key}`));

export function ActionsProvider({ children }: { children: ReactNode }) {
  const registry = useMemo(() => new ActionRegistry(), []);
  useEffect(() => {
    let first: { key: string; at: number } | null = null;
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing || event.altKey) return;
      const chord = event.metaKey || event.ctrlKey;
      const pressed = keysOf(event);
      if ((!chord || EDITING.has(pressed)) && (isTaken(event) || registry.isHeld(pressed))) return;
      if (event.key === "Shift") return;
      const begun = first !== null && event.timeStamp - first.at < SECOND_KEY_MS ? first.key : null;
      first = null;
      const second = begun === null || chord ? undefined : registry.bound(`${begun} ${event.key}`);
      if (second === undefined && !chord && registry.begins(event.key)) {
        first = { key: event.key, at: event.timeStamp };
        event.preventDefault();
        return;
      }
      const action = second ?? registry.find(event);
      if (action === undefined) return;
      event.preventDefault();
      registry.used.emit(action.id);
      action.run();
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, [registry]);
  return <ActionsContext.Provider value={registry}>{children}</ActionsContext.Provider>;
}

/**
 * Stands where a dialog is still being fetched, or something that takes certain keys: what is typed meanwhile was meant for it,
 * and runs no command.
 */
export function HoldKeys({ keys = null }: { keys?: readonly string[] | null }) {
  const registry = useActionRegistry();
  useLayoutEffect(() => {
    const hold = { keys };
    registry.holds.add(hold);
    return () => {
      registry.holds.delete(hold);
    };
  }, [registry, keys]);
  return null;
}
