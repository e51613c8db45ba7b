import { useEffect, useState } from "react";
import { useLocation, useSearch } from "wouter";
import { useDesk } from "@/desk/desk-context";
import { TimeMachineScreen } from "@/features/time-machine/time-machine-screen";
import { strings } from "./strings/strings";

/** Without a moment in the address it begins an hour ago. */
const HOUR_MS = 3_600_000;

export function TimeMachinePage({ onMenu }: { onMenu: () => void }) {
  const { info } = useDesk();
  const [, navigate] = useLocation();
  const search = useSearch();
  const [start] = useState(() => {
    const asked = Date.parse(new URLSearchParams(search).get("at") ?? "");
    const now = Date.now();
    return Number.isNaN(asked) ? now - HOUR_MS : Math.min(asked, now);
  });
  useEffect(() => {
    document.title = `${strings.nav.past} · ${info.name}`;
  }, [info.name]);
  return (
    <TimeMachineScreen
      start={start}
      onMoment={(at) => navigate(`/time?at=${new Date(at).toISOString()}`, { replace: true })}
      onMenu={onMenu}
    />
  );
}
