import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app";
import { watchErrors } from "./report-errors";

export function start(): void {
  const root = document.getElementById("root");
  if (root === null) throw new Error("the page has no #root");
  watchErrors();
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
