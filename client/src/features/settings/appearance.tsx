import clsx from "clsx";
import { useId, useSyncExternalStore } from "react";
import { chooseLanguage, chosenLanguage, LANGUAGES, strings } from "@/app/strings/strings";
import { DENSITIES, density, setDensity } from "@/desk/appearance";
import { useDesk } from "@/desk/desk-context";
import { setTheme, THEMES, theme } from "@/desk/theme";

export function Appearance() {
  const { preferences } = useDesk();
  const chosen = useSyncExternalStore(theme.subscribe, theme.get);
  const dense = useSyncExternalStore(density.subscribe, density.get);
  return (
    <>
      <Choice
        label={strings.nav.theme}
        options={THEMES.map((value) => ({ value, name: strings.nav.themes[value] }))}
        value={chosen}
        onChange={setTheme}
      />
      <Choice
        label={strings.settings.density}
        options={DENSITIES.map((value) => ({ value, name: strings.settings.densities[value] }))}
        value={dense}
        onChange={setDensity}
      />
      <Choice
        label={strings.settings.language}
        options={LANGUAGES}
        value={chosenLanguage()}
        onChange={(language) => {
          chooseLanguage(language);
          preferences.change({ language: language === "system" ? undefined : language });
          // Every sentence on the screen is another one; drafts and unsent changes are kept.
          window.location.reload();
        }}
      />
    </>
  );
}

function Choice<T extends string>({
  label,
  options,
  value,
  onChange,
}: {
  label: string;
  options: readonly { value: T; name: string }[];
  value: T;
  onChange: (value: T) => void;
}) {
  const name = useId();
  return (
    <fieldset className="flex flex-col gap-2">
      <legend className="pb-2 font-medium text-ink-2 text-sm">{label}</legend>
      <div className="flex flex-wrap gap-2">
        {options.map((option) => (
          <label
            key={option.value}
            className={clsx(
              "flex h-9 cursor-pointer items-center gap-2 rounded-lg border px-3 text-sm has-focus-visible:outline-2 has-focus-visible:outline-accent coarse:h-11",
              option.value === value ? "border-accent bg-accent-soft" : "hover:bg-hover",
            )}
          >
            <input
              type="radio"
              name={name}
              checked={option.value === value}
              onChange={() => onChange(option.value)}
              className="accent-accent"
            />
            {option.name}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
