import { useEffect } from "react";
import { useDesk } from "@/desk/desk-context";
import { QueueScreen } from "@/features/queue/queue-screen";
import { strings } from "./strings/strings";

export function QueuePage({ onMenu, onClaim }: { onMenu: () => void; onClaim: () => void }) {
  const { info } = useDesk();
  useEffect(() => {
    document.title = `${strings.queue.title} · ${info.name}`;
  }, [info.name]);
  return <QueueScreen onMenu={onMenu} onClaim={onClaim} />;
}
