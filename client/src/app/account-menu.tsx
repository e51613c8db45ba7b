import { CircleHelp, LogOut, Monitor, Moon, Settings, Sun } from "lucide-react";
import { useSyncExternalStore } from "react";
import { useLocation } from "wouter";
import {
  Menu,
  MenuContent,
  MenuItem,
  MenuLabel,
  MenuRadioGroup,
  MenuRadioItem,
  MenuSeparator,
  MenuTrigger,
} from "@/components/ui/menu";
import { useDesk } from "@/desk/desk-context";
import { setTheme, THEMES, type Theme, theme } from "@/desk/theme";
import { AccountButton } from "./account-button";
import { strings } from "./strings/strings";

const THEME_ICONS: Record<Theme, typeof Sun> = { system: Monitor, light: Sun, dark: Moon };

export function AccountMenu({ onNavigate, onHelp }: { onNavigate: () => void; onHelp: () => void }) {
  const { me, signOut } = useDesk();
  const chosen = useSyncExternalStore(theme.subscribe, theme.get);
  const [, navigate] = useLocation();
  return (
    <Menu>
      <MenuTrigger asChild>
        <AccountButton name={me.name} />
      </MenuTrigger>
      <MenuContent side="top" align="start" className="min-w-52">
        <MenuLabel>{strings.nav.theme}</MenuLabel>
        <MenuRadioGroup value={chosen} onValueChange={(value) => setTheme(value as Theme)}>
          {THEMES.map((option) => {
            const Icon = THEME_ICONS[option];
            return (
              <MenuRadioItem key={option} value={option} icon={<Icon className="size-4 text-ink-3" />}>
                {strings.nav.themes[option]}
              </MenuRadioItem>
            );
          })}
        </MenuRadioGroup>
        <MenuSeparator />
        <MenuItem
          icon={<Settings className="size-4" />}
          onSelect={() => {
            onNavigate();
            navigate("/settings/profile");
          }}
        >
          {strings.nav.settings}
        </MenuItem>
        <MenuItem icon={<CircleHelp className="size-4" />} keys="?" onSelect={onHelp}>
          {strings.nav.help}
        </MenuItem>
        <MenuItem icon={<LogOut className="size-4" />} onSelect={signOut}>
          {strings.nav.signOut}
        </MenuItem>
      </MenuContent>
    </Menu>
  );
}
