import { type ReactNode, useEffect, useState } from "react";

/** Nothing for the first moment: what is there by then needs no skeleton, and a flicker is worse than a wait. */
export function Delayed({ ms = 150, children }: { ms?: number; children: ReactNode }) {
  const [due, setDue] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setDue(true), ms);
    return () => clearTimeout(timer);
  }, [ms]);
  return due ? children : null;
}
