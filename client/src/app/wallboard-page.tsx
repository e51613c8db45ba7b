import { useEffect } from "react";
import { useLocation } from "wouter";
import { useDesk } from "@/desk/desk-context";
import { WallboardScreen } from "@/features/wallboard/wallboard-screen";
import { useAction } from "@/keyboard/actions";
import { strings } from "./strings/strings";

export function WallboardPage() {
  const { info } = useDesk();
  const [, navigate] = useLocation();
  const leave = () => navigate("/inbox/mine");
  useAction({ id: "leave", title: strings.wallboard.leave, section: "app", keys: "Escape", run: leave });
  useEffect(() => {
    document.title = `${strings.nav.wallboard} · ${info.name}`;
  }, [info.name]);
  return <WallboardScreen onLeave={leave} onNewVersion={() => window.location.reload()} />;
}
