import clsx from "clsx";
import { lazy, Suspense, useEffect, useState, useSyncExternalStore } from "react";
import { strings } from "@/app/strings/strings";
import type { ConnectionState } from "@/sync/connection";
import { useDesk } from "./desk-context";
import { useConnection, useOutbox } from "./use-live";
import { whenIdle } from "./when-idle";

const ConnectionDetails = lazy(() =>
  whenIdle()
    .then(() => import("./connection-details"))
    .then((m) => ({ default: m.ConnectionDetails })),
);

const DOT: Record<ConnectionState["kind"], string> = {
  live: "bg-good",
  connecting: "bg-warn animate-breathe",
  "catching-up": "bg-warn animate-breathe",
  offline: "bg-danger",
  "signed-out": "bg-danger",
  forbidden: "bg-danger",
  superseded: "bg-danger",
};

/** A line that comes back within a blink is not worth a word. */
const BLINK_MS = 700;

/**
 * Live, catching up or offline, and what is unsent; the details on request. Where there is no sidebar it stands in a
 * header, and only when there is something to say.
 */
export function ConnectionStatus({ inHeader = false }: { inHeader?: boolean }) {
  const { mode } = useDesk();
  const polling = useSyncExternalStore(mode.subscribe, mode.get) === "polling";
  const state = useSettled(useConnection());
  const { unsent } = useOutbox();
  const offline = state.kind === "offline";
  if (inHeader && state.kind === "live" && unsent === 0) return null;

  const button = (
    <button
      type="button"
      data-connection={state.kind}
      data-mode={polling ? "polling" : "socket"}
      className={clsx(
        "flex items-center rounded-md px-2 text-left text-xs hover:bg-hover coarse:h-11",
        inHeader ? "h-7 gap-1.5 lg:hidden" : "h-7.5 gap-2.5",
        offline ? "text-danger" : "text-ink-3",
      )}
    >
      <span className={clsx("flex justify-center", !inHeader && "w-6")}>
        <span className={clsx("size-2 rounded-full", DOT[state.kind])} />
      </span>
      <span className="flex-1 whitespace-nowrap">{strings.connection[state.kind]}</span>
      {unsent > 0 && inHeader ? (
        <span className="tabular-nums">
          <span aria-hidden="true">{unsent}</span>
          <span className="sr-only">{strings.connection.unsent(unsent)}</span>
        </span>
      ) : unsent > 0 ? (
        <span className="whitespace-nowrap tabular-nums">{strings.connection.unsent(unsent)}</span>
      ) : null}
    </button>
  );
  // What opens it is no part of the first screen; until it is here the state stands by itself.
  return (
    <Suspense fallback={button}>
      <ConnectionDetails trigger={button} state={state} unsent={unsent} polling={polling} />
    </Suspense>
  );
}

/** Says "live" through short interruptions; anything that lasts is shown. */
function useSettled(state: ConnectionState): ConnectionState {
  const [shown, setShown] = useState(state);
  useEffect(() => {
    const lasting = state.kind === "live" || shown.kind !== "live";
    if (lasting) {
      setShown(state);
      return;
    }
    const timer = setTimeout(() => setShown(state), BLINK_MS);
    return () => clearTimeout(timer);
  }, [state, shown.kind]);
  return shown;
}
