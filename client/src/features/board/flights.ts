import { type RefObject, useEffect, useLayoutEffect, useRef } from "react";

const FLIGHT_MS = 260;

/**
 * Lets a card that somebody moved fly from where it was to where it is, so that the eye can follow. Only what is in sight
 * is measured; whoever asked for less motion gets none.
 */
export function useFlights(board: RefObject<HTMLElement>, moved: unknown): void {
  const places = useRef(new Map<string, DOMRect>());
  const measure = (): Map<string, DOMRect> => {
    const now = new Map<string, DOMRect>();
    for (const card of board.current?.querySelectorAll<HTMLElement>("[data-card]") ?? []) {
      now.set(card.dataset.card ?? "", card.getBoundingClientRect());
    }
    return now;
  };

  // biome-ignore lint/correctness/useExhaustiveDependencies: another order is what moves cards
  useLayoutEffect(() => {
    const before = places.current;
    const now = measure();
    places.current = now;
    if (before.size === 0 || window.matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    for (const card of board.current?.querySelectorAll<HTMLElement>("[data-card]") ?? []) {
      const from = before.get(card.dataset.card ?? "");
      const to = now.get(card.dataset.card ?? "");
      if (from === undefined || to === undefined) continue;
      const dx = from.left - to.left;
      const dy = from.top - to.top;
      if (Math.abs(dx) < 1 && Math.abs(dy) < 1) continue;
      card.animate?.(
        [
          { transform: `translate(${dx}px, ${dy}px)`, zIndex: 1 },
          { transform: "none", zIndex: 1 },
        ],
        {
          duration: FLIGHT_MS,
          easing: "cubic-bezier(0.2, 0.8, 0.2, 1)",
        },
      );
    }
  }, [moved]);

  // Where scrolling has put the cards is where the next flight begins.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the board stays the same element
  useEffect(() => {
    const box = board.current;
    if (box === null) return;
    let frame = 0;
    const onScroll = () => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => {
        places.current = measure();
      });
    };
    box.addEventListener("scroll", onScroll, { capture: true, passive: true });
    return () => {
      cancelAnimationFrame(frame);
      box.removeEventListener("scroll", onScroll, { capture: true });
    };
  }, []);
}
