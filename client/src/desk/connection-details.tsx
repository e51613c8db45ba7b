import { Popover } from "radix-ui";
import type { ReactElement } from "react";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import type { ConnectionState } from "@/sync/connection";
import { useDesk } from "./desk-context";
import { useNow } from "./use-now";

/** What the line's state means, and what can be done about it. */
export function ConnectionDetails({
  trigger,
  state,
  unsent,
  polling,
}: {
  trigger: ReactElement;
  state: ConnectionState;
  unsent: number;
  polling: boolean;
}) {
  const { sync } = useDesk();
  return (
    <Popover.Root>
      <Popover.Trigger asChild>{trigger}</Popover.Trigger>
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
          {state.kind === "offline" ? (
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
