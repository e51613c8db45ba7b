import clsx from "clsx";
import { lazy, type ReactNode, Suspense } from "react";
import { Link } from "wouter";
import { strings } from "@/app/strings/strings";
import { useDesk } from "@/desk/desk-context";
import { MenuButton } from "@/desk/menu-button";
import type { Permission } from "@/protocol/types";
import { Appearance } from "./appearance";
import { Profile } from "./profile";
import { SavedViews } from "./saved-views";
import { Shortcuts } from "./shortcuts";
import { Teams } from "./teams";

const Users = lazy(() => import("./users").then((m) => ({ default: m.Users })));
const RequestFormSettings = lazy(() =>
  import("./requests").then((m) => ({ default: m.RequestFormSettings })),
);
const FieldSettings = lazy(() => import("./requests").then((m) => ({ default: m.FieldSettings })));
const Ai = lazy(() => import("./ai").then((m) => ({ default: m.Ai })));
const Tokens = lazy(() => import("./tokens").then((m) => ({ default: m.Tokens })));

export const SECTIONS = [
  "profile",
  "appearance",
  "shortcuts",
  "macros",
  "views",
  "teams",
  "fields",
  "requests",
  "ai",
  "users",
  "tokens",
] as const;
export type Section = (typeof SECTIONS)[number];

/** What a section needs, where not everybody has it. */
const NEEDS: Partial<Record<Section, Permission>> = {
  fields: "settings_write",
  requests: "settings_write",
  ai: "triage_review" as Permission,
  users: "users_manage",
};

const intoView = (link: HTMLElement | null) => link?.scrollIntoView({ block: "nearest", inline: "center" });

/** What a user may set, and what an administrator may; only what this server offers. */
export function SettingsScreen({
  section,
  macros,
  onMenu,
}: {
  section: Section;
  /** They belong to the composer; here is only their place. */
  macros: ReactNode;
  onMenu: () => void;
}) {
  const { me } = useDesk();
  const offered = SECTIONS.filter((one) => {
    const needed = NEEDS[one];
    return needed === undefined || me.permissions.includes(needed);
  });
  return (
    <main id="ticket" tabIndex={-1} className="flex h-full flex-col bg-surface outline-none lg:border-l">
      <header className="flex h-12 shrink-0 items-center gap-2 border-b pr-3 pl-3.5 md:pl-6">
        <MenuButton onMenu={onMenu} />
        <h1 className="font-semibold text-base tracking-tight">{strings.nav.settings}</h1>
      </header>
      <div className="flex min-h-0 flex-1 flex-col md:flex-row">
        <nav
          aria-label={strings.nav.settings}
          className="scroll-thin shrink-0 overflow-x-auto border-b p-2 md:w-52 md:border-r md:border-b-0 md:p-4"
        >
          <ul className="flex gap-px md:flex-col">
            {offered.map((one) => (
              <li key={one}>
                <Link
                  href={`/settings/${one}`}
                  aria-current={one === section ? "page" : undefined}
                  // On a phone the sections stand in a row that is longer than the screen.
                  ref={one === section ? intoView : undefined}
                  className={clsx(
                    "flex h-7.5 items-center whitespace-nowrap rounded-md px-2.5 text-sm coarse:h-11",
                    one === section ? "bg-press font-medium text-ink" : "text-ink-2 hover:bg-hover",
                  )}
                >
                  {strings.settings.sections[one]}
                </Link>
              </li>
            ))}
          </ul>
        </nav>
        <div className="scroll-thin min-h-0 flex-1 overflow-y-auto px-4 py-6 md:px-8">
          <section
            aria-label={strings.settings.sections[section]}
            className="mx-auto flex max-w-2xl flex-col gap-6"
          >
            <header>
              <h2 className="font-semibold text-lg tracking-tight">{strings.settings.sections[section]}</h2>
              <p className="text-ink-3 text-sm">{strings.settings.intros[section]}</p>
            </header>
            {offered.includes(section) ? null : (
              <p role="alert" className="text-ink-2 text-sm">
                {strings.settings.notForYou}
              </p>
            )}
            <Suspense fallback={null}>
              {section === "profile" ? <Profile /> : null}
              {section === "appearance" ? <Appearance /> : null}
              {section === "shortcuts" ? <Shortcuts /> : null}
              {section === "macros" ? macros : null}
              {section === "views" ? <SavedViews /> : null}
              {section === "teams" ? <Teams /> : null}
              {section === "fields" && offered.includes("fields") ? <FieldSettings /> : null}
              {section === "requests" && offered.includes("requests") ? <RequestFormSettings /> : null}
              {section === "ai" && offered.includes("ai") ? <Ai /> : null}
              {section === "users" && offered.includes("users") ? <Users /> : null}
              {section === "tokens" ? <Tokens /> : null}
            </Suspense>
          </section>
        </div>
      </div>
    </main>
  );
}
