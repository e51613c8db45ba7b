import { cleanup } from "@testing-library/react";
import { afterEach } from "vitest";

if (typeof window !== "undefined") {
  // What jsdom lacks and layout needs; nothing here is measured.
  class NoLayout {
    observe() {}
    unobserve() {}
    disconnect() {}
  }
  globalThis.ResizeObserver ??= NoLayout as unknown as typeof ResizeObserver;
  Element.prototype.scrollIntoView ??= () => {};
  Element.prototype.hasPointerCapture ??= () => false;
  Element.prototype.scrollTo ??= () => {};
  window.matchMedia ??= () => ({ matches: false }) as MediaQueryList;
}

afterEach(() => {
  if (typeof document !== "undefined") cleanup();
});
