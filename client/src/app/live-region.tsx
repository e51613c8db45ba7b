import { createContext, type ReactNode, useCallback, useContext, useRef, useState } from "react";

const AnnounceContext = createContext<(sentence: string) => void>(() => {});

export function useAnnounce(): (sentence: string) => void {
  return useContext(AnnounceContext);
}

/** Screen readers are told what matters and no more: one sentence at a time, and never the same one twice in a row at once. */
const QUIET_MS = 1_500;

export function LiveRegion({ children }: { children: ReactNode }) {
  const [sentence, setSentence] = useState("");
  const last = useRef({ sentence: "", at: 0 });
  const announce = useCallback((next: string) => {
    const now = Date.now();
    if (next === last.current.sentence && now - last.current.at < QUIET_MS) return;
    // A region speaks only when its text changes.
    const spoken = next === last.current.sentence ? `${next}\u00a0` : next;
    last.current = { sentence: next, at: now };
    setSentence(spoken);
  }, []);
  return (
    <AnnounceContext.Provider value={announce}>
      {children}
      <div role="status" aria-live="polite" className="sr-only">
        {sentence}
      </div>
    </AnnounceContext.Provider>
  );
}
