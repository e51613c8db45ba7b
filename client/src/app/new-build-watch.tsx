import { useEffect } from "react";
import { useDesk } from "@/desk/desk-context";
import { NewBuild } from "@/desk/new-build";
import { toast } from "@/desk/toast";
import { browserClock } from "@/sync/clock";
import { strings } from "./strings/strings";

/** Without a key or a pointer for this long, nobody is at the screen. */
const AWAY_MS = 30_000;

/** Loads the page anew when the server has a newer one, when nobody is looking and nothing is on its way. */
export function NewBuildWatch(): null {
  const { sync, api, info, uploads } = useDesk();
  useEffect(() => {
    let touchedAt = Date.now();
    const touched = () => {
      touchedAt = Date.now();
    };
    const watch = new NewBuild(
      info.build ?? null,
      {
        ask: async () => (await api.desk()).build ?? null,
        quiet: () =>
          (document.visibilityState === "hidden" || Date.now() - touchedAt > AWAY_MS) &&
          sync.outbox.state.get().unanswered.length === 0 &&
          !uploads.busy() &&
          document.querySelector("[role=dialog]") === null,
        reload: () => window.location.reload(),
      },
      browserClock,
    );
    const stops = [
      sync.connection.state.subscribe(() => {
        if (sync.connection.state.get().kind === "live") void watch.lineOpened();
      }),
      watch.waiting.subscribe(() =>
        toast(strings.connection.newBuild, {
          id: "new-build",
          duration: Number.POSITIVE_INFINITY,
          action: { label: strings.connection.reload, onClick: () => window.location.reload() },
        }),
      ),
    ];
    for (const kind of ["keydown", "pointerdown", "pointermove"] as const)
      window.addEventListener(kind, touched, { passive: true });
    return () => {
      watch.leave();
      for (const stop of stops) stop();
      for (const kind of ["keydown", "pointerdown", "pointermove"] as const)
        window.removeEventListener(kind, touched);
    };
  }, [sync, api, info.build, uploads]);
  return null;
}
