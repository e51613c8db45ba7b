import { createContext, type ReactNode, useContext, useEffect, useMemo, useRef } from "react";
import { Cell } from "@/sync/cell";

export type Section = "tickets" | "ticket" | "go" | "app";

export interface Action {
  id: string;
  title: string;
  section: Section;
  /** One key (`j`, `?`) or a chord with the platform's command key (`mod+k`). */
  keys?: string;
  /** More words that the palette finds it by. */
  words?: string;
  run: () => void;
}

/** What can be done right now, for the keyboard, the palette and the help sheet alike. */
export class ActionRegistry {
  readonly all = new Cell<readonly Action[]>([]);

  add(action: Action): () => void {
    this.all.set([...this.all.get().filter((other) => other.id !== action.id), action]);
    return () => {
      this.all.set(this.all.get().filter((other) => other !== action));
    };
  }

  find(event: KeyboardEvent): Action | undefined {
    const keys = keysOf(event);
    return this.all.get().find((action) => action.keys === keys);
  }
}

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
  const { id, title, section, keys, words } = action ?? {};
  useEffect(() => {
    if (id === undefined || title === undefined || section === undefined) return;
    return registry.add({
      id,
      title,
      section,
      ...(keys === undefined ? {} : { keys }),
      ...(words === undefined ? {} : { words }),
      run: () => latest.current?.run(),
    });
  }, [registry, id, title, section, keys, words]);
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

export function ActionsProvider({ children }: { children: ReactNode }) {
  const registry = useMemo(() => new ActionRegistry(), []);
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing || event.altKey) return;
      const chord = event.metaKey || event.ctrlKey;
      if (!chord && isTaken(event)) return;
      const action = registry.find(event);
      if (action === undefined) return;
      event.preventDefault();
      action.run();
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, [registry]);
  return <ActionsContext.Provider value={registry}>{children}</ActionsContext.Provider>;
}
