import { chooseLanguage, chosenLanguage, strings } from "@/app/strings/strings";
import type { Unsubscribe } from "@/sync/cell";
import { density, setDensity } from "./appearance";
import { keymap } from "./keymap";
import type { PreferencesStore } from "./preferences";
import { setTheme, theme } from "./theme";

/** Makes this browser look as its user likes it, and tells the preferences what is chosen here. */
export function followPreferences(preferences: PreferencesStore): Unsubscribe {
  const adopt = () => {
    const { appearance, density: wanted, language, shortcuts } = preferences.now.get();
    if (appearance !== undefined && appearance !== theme.get()) setTheme(appearance);
    if (wanted !== undefined && wanted !== density.get()) setDensity(wanted);
    if (JSON.stringify(shortcuts) !== JSON.stringify(keymap.get())) keymap.set(shortcuts);
    const spoken = language?.split("-")[0];
    if ((spoken === "en" || spoken === "fr") && spoken !== chosenLanguage()) {
      chooseLanguage(spoken);
      // Every sentence on the screen is another one. Where nothing can be kept, asking again would never end.
      if (strings.locale !== spoken && chosenLanguage() === spoken) window.location.reload();
    }
  };
  // What was chosen here before the server knew of it is no default.
  const { appearance, density: dense } = preferences.now.get();
  if (appearance === undefined && theme.get() !== "system") preferences.change({ appearance: theme.get() });
  if (dense === undefined && density.get() !== "comfortable") preferences.change({ density: density.get() });
  adopt();
  const ends = [
    preferences.now.subscribe(adopt),
    theme.subscribe(() => preferences.change({ appearance: theme.get() })),
    density.subscribe(() => preferences.change({ density: density.get() })),
  ];
  return () => {
    for (const end of ends) end();
  };
}
