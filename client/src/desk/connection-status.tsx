import clsx from "clsx";
import { Popover } from "radix-ui";
import { useEffect, useState, useSyncExternalStore } from "react";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import type { ConnectionState } from "@/sync/connection";
import { useDesk } from "./desk-context";
import { useConnection, useOutbox } from "./use-live";
import { useNow } from "./use-now";

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
  const { sync, mode } = useDesk();
  const polling = useSyncExternalStore(mode.subscribe, mode.get) === "polling";
  const state = useSettled(useConnection());
  const { unsent } = useOutbox();
  const offline = state.kind === "offline";
  if (inHeader && state.kind === "live" && unsent === 0) return null;

  return (
    <Popover.Root>
      <Popover.Trigger asChild>
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
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          side="top"
          align="start"
          sideOffset={6}
          collisionPadding={8}
          className="z-40 flex w-72 animate-pop flex-col gap-2 rounded-lg bg-raised p-3 text-sm shadow-pop"
        >
          <p className="font-medium">{strings.connection[state.kind]}</p>
          <p className="text-ink-2 text-xs">
            {state.kind === "live"
              ? strings.connection.liveText
              : state.kind === "catching-up" && state.why === "mismatch"
                ? strings.connection.mismatch
                : strings.connection.kept}
          </p>
          {polling ? <p className="text-ink-2 text-xs">{strings.connection.polling}</p> : null}
          {unsent > 0 ? <p className="text-ink-2 text-xs">{strings.connection.unsent(unsent)}</p> : null}
          {offline ? (
            <div className="flex items-center justify-between gap-2">
              <Countdown until={state.retryAt} />
              <Button size="sm" onClick={() => sync.connection.nudge()}>
                {strings.connection.tryNow}
              </Button>
            </div>
          ) : null}
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}

function Countdown({ until }: { until: number }) {
  const now = useNow("second");
  return (
    <span className="text-ink-3 text-xs tabular-nums">
      {strings.connection.retryIn(Math.ceil((until - now) / 1_000))}
    </span>
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
