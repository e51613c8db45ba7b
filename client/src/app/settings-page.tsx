import { useEffect } from "react";
import { Redirect } from "wouter";
import { useDesk } from "@/desk/desk-context";
import { SECTIONS, SettingsScreen } from "@/features/settings/settings-screen";
import { MacroSettings } from "@/features/ticket/macro-settings";
import { strings } from "./strings/strings";

export function SettingsPage({ section, onMenu }: { section: string | undefined; onMenu: () => void }) {
  const { info } = useDesk();
  useEffect(() => {
    document.title = `${strings.nav.settings} · ${info.name}`;
  }, [info.name]);
  const known = SECTIONS.find((one) => one === section);
  if (known === undefined) return <Redirect to="/settings/profile" replace />;
  return <SettingsScreen section={known} macros={<MacroSettings />} onMenu={onMenu} />;
}
