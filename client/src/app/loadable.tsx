import { type ComponentType, lazy, useState } from "react";

/**
 * A part of the client that is fetched when it is wanted, or ahead of that. One that is here already is drawn at once: a
 * suspended one would wait for React's next turn to reveal what was hidden.
 */
export function loadable<P extends object>(
  fetch: () => Promise<ComponentType<P>>,
): ComponentType<P> & { preload(): Promise<unknown> } {
  let here: ComponentType<P> | null = null;
  let coming: Promise<ComponentType<P>> | null = null;
  const preload = () => {
    coming ??= fetch().then(
      (part) => {
        here = part;
        return part;
      },
      (error: unknown) => {
        // Whoever wants it next asks again.
        coming = null;
        throw error;
      },
    );
    return coming;
  };
  const Later = lazy(() => preload().then((part) => ({ default: part }))) as unknown as ComponentType<P>;
  function Loadable(props: P) {
    const [Part] = useState<ComponentType<P>>(() => here ?? Later);
    return <Part {...props} />;
  }
  return Object.assign(Loadable, { preload });
}
