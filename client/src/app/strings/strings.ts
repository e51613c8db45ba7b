import { en, type Strings } from "./en";

export type Language = "system" | "en" | "fr";

/** Each language is called by its own name, so that whoever got lost finds the way back. */
export const LANGUAGES: readonly { value: Language; name: string }[] = [
  { value: "system", name: "Auto" },
  { value: "en", name: "English" },
  { value: "fr", name: "Français" },
];

const KEY = "hotdesk.language";

/** The catalogue in use. It is chosen before any screen is loaded, and never changes afterwards. */
export let strings: Strings = en;

export function chosenLanguage(): Language {
  const value = localStorage.getItem(KEY);
  return value === "en" || value === "fr" ? value : "system";
}

/** Takes effect with the next load of the page. */
export function chooseLanguage(language: Language): void {
  if (language === "system") localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, language);
}

/** Fetches the catalogue of whoever does not read English; if it cannot be had, English is better than nothing. */
export async function loadLanguage(): Promise<void> {
  const chosen = chosenLanguage();
  const french =
    chosen === "fr" || (chosen === "system" && navigator.language.toLowerCase().startsWith("fr"));
  if (french) {
    try {
      strings = (await import("./fr")).fr;
    } catch {
      strings = en;
    }
  }
  document.documentElement.lang = strings.locale;
}
