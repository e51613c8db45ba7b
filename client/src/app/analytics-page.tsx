import { useEffect } from "react";
import { Redirect } from "wouter";
import { useDesk } from "@/desk/desk-context";
import { AnalyticsScreen, SECTIONS } from "@/features/analytics/analytics-screen";
import { figureWords } from "./strings/figures";

export function AnalyticsPage({ section, onMenu }: { section: string | undefined; onMenu: () => void }) {
  const { info } = useDesk();
  useEffect(() => {
    document.title = `${figureWords.title} · ${info.name}`;
  }, [info.name]);
  const known = SECTIONS.find((one) => one === section);
  if (known === undefined) return <Redirect to="/analytics/overview" replace />;
  return <AnalyticsScreen section={known} onMenu={onMenu} />;
}
