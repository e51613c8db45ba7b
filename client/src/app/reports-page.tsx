import { useEffect } from "react";
import { useDesk } from "@/desk/desk-context";
import { ReportsScreen } from "@/features/reports/reports-screen";
import { figureWords } from "./strings/figures";

export function ReportsPage({ report, onMenu }: { report: string | undefined; onMenu: () => void }) {
  const { info } = useDesk();
  useEffect(() => {
    document.title = `${figureWords.reports} · ${info.name}`;
  }, [info.name]);
  return <ReportsScreen report={report} onMenu={onMenu} />;
}
