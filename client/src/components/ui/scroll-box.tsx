import type { ReactNode } from "react";

/** What may be wider than the screen: whoever has no mouse scrolls it with the arrows. */
export function ScrollBox({ label, children }: { label: string; children: ReactNode }) {
  return (
    <section
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: without it the arrows cannot reach what is cut off
      tabIndex={0}
      className="scroll-thin overflow-x-auto"
    >
      {children}
    </section>
  );
}
