import { useEffect, useMemo } from "react";
import { useLocation } from "wouter";
import { useDesk } from "@/desk/desk-context";
import { Usage } from "@/desk/usage";
import { useActionRegistry } from "@/keyboard/actions";
import { browserClock } from "@/sync/clock";

/** Counts screens, commands and shortcuts, where the desk wants them counted. */
export function UsageWatch(): null {
  const { sync, info } = useDesk();
  const registry = useActionRegistry();
  const [location] = useLocation();
  const usage = useMemo(() => new Usage(info.usage === true ? tell : null, browserClock), [info.usage]);

  const screen = location.split("/")[1] ?? "";
  useEffect(() => usage.count("screen", screen), [usage, screen]);

  useEffect(() => {
    const seen = new Set<string>();
    const stops = [
      registry.used.subscribe((id) => usage.count("key", id)),
      sync.outbox.state.subscribe(() => {
        const { unanswered } = sync.outbox.state.get();
        for (const { id, do: command } of unanswered) if (!seen.has(id)) usage.count("command", command.type);
        seen.clear();
        for (const { id } of unanswered) seen.add(id);
      }),
    ];
    const leave = () => usage.flush();
    window.addEventListener("pagehide", leave);
    return () => {
      for (const stop of stops) stop();
      window.removeEventListener("pagehide", leave);
      usage.flush();
    };
  }, [usage, registry, sync]);
  return null;
}

function tell(counts: Record<string, number>): void {
  // What is not told is lost, and nobody misses it.
  void fetch("/api/v1/usage", {
    method: "POST",
    credentials: "same-origin",
    keepalive: true,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ counts }),
  }).catch(() => {});
}
