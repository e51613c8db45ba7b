import "@fontsource-variable/inter/wght.css";
import "./styles/index.css";
import { loadLanguage } from "@/app/strings/strings";
import { applyTheme } from "@/desk/theme";

applyTheme();
// Sentences are read where modules are loaded, so the language comes first.
void loadLanguage().then(async () => {
  const { start } = await import("@/app/start");
  start();
});
