import { useEffect } from "react";
import { useDesk } from "@/desk/desk-context";
import { OperationsScreen } from "@/features/operations/operations-screen";
import { figureWords } from "./strings/figures";

export function OperationsPage({ onMenu }: { onMenu: () => void }) {
  const { info } = useDesk();
  useEffect(() => {
    document.title = `${figureWords.operations.title} · ${info.name}`;
  }, [info.name]);
  return <OperationsScreen onMenu={onMenu} />;
}
