import { en, type Strings } from "./en";

export type Language = "system" | "en" | "fr";

/** Each language is called by its own name, so that whoever got lost finds the way back. */
export const LANGUAGES: readonly { value: Language; name: string }[] = [
  { value: "system", name: "Auto" },
  { value: "en", name: "English" },
  { value: "fr", name: "Français" },
];

const KEY = "hotdesk.language";
const inBrowser = typeof window !== "undefined" && typeof localStorage !== "undefined";

export function chosenLanguage(): Language {
  const value = inBrowser ? localStorage.getItem(KEY) : null;
  return value === "en" || value === "fr" ? value : "system";
}

/** Takes effect with the next load of the page. */
export function chooseLanguage(language: Language): void {
  if (language === "system") localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, language);
}

function language(): "en" | "fr" {
  const chosen = chosenLanguage();
  if (chosen !== "system") return chosen;
  return inBrowser && navigator.language.toLowerCase().startsWith("fr") ? "fr" : "en";
}

/** The catalogue in use, chosen once, at start; another language than English is fetched only by whoever reads it. */
export const strings: Strings = language() === "fr" ? (await import("./fr")).fr : en;
if (inBrowser) document.documentElement.lang = strings.locale;
