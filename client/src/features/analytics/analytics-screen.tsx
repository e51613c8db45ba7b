import clsx from "clsx";
import { useState } from "react";
import { Link } from "wouter";
import { figureWords as words } from "@/app/strings/figures";
import { PickField } from "@/desk/charts/pick-field";
import { useDesk } from "@/desk/desk-context";
import { MenuButton } from "@/desk/menu-button";
import { useConnection } from "@/desk/use-live";
import { Agents } from "./agents";
import { Ai } from "./ai";
import { Overview } from "./overview";
import { isRange, RANGES, type Range, rangeName } from "./range";
import { ServiceLevels } from "./service-levels";
import { Teams } from "./teams";
import { Trends } from "./trends";
import type { Choice } from "./use-series";

export const SECTIONS = ["overview", "trends", "team", "agents", "sla", "ai"] as const;
export type Section = (typeof SECTIONS)[number];

const KEY = "hotdesk.analytics";

/** What the desk does, now and over time. */
export function AnalyticsScreen({ section, onMenu }: { section: Section; onMenu: () => void }) {
  const { info, storage } = useDesk();
  const [range, setRange] = useState<Range>(() => {
    const kept = storage.get(KEY);
    return kept !== null && isRange(kept) ? kept : "30d";
  });
  const [team, setTeam] = useState<string | null>(null);
  const [clock, setClock] = useState<Choice["clock"]>("calendar");
  const live = useConnection().kind === "live";
  const choice = { range, team, clock };
  const over = section !== "trends" && section !== "team";
  const timed = section === "overview" || section === "agents";
  return (
    <main id="ticket" tabIndex={-1} className="flex h-full flex-col bg-canvas outline-none lg:border-l">
      <header className="flex h-12 shrink-0 items-center gap-2 border-b bg-surface pr-3 pl-3.5 md:pl-6">
        <MenuButton onMenu={onMenu} />
        <h1 className="font-semibold text-base tracking-tight">{words.title}</h1>
        <span
          className={clsx(
            "ml-1 inline-flex items-center gap-1.5 rounded-full px-2 py-0.5 text-xs",
            live ? "text-good" : "text-ink-3",
          )}
          title={words.liveHint}
        >
          <span
            aria-hidden="true"
            className={clsx("size-1.5 rounded-full", live ? "animate-breathe bg-good" : "bg-line-strong")}
          />
          {live ? words.live : null}
        </span>
      </header>
      <div className="flex shrink-0 flex-wrap items-center gap-x-4 gap-y-2 border-b bg-surface px-2 py-1.5 md:px-4">
        <nav aria-label={words.title} className="scroll-thin min-w-0 max-w-full overflow-x-auto">
          <ul className="flex gap-px">
            {SECTIONS.map((one) => (
              <li key={one}>
                <Link
                  href={`/analytics/${one}`}
                  aria-current={one === section ? "page" : undefined}
                  className={clsx(
                    "flex h-7.5 items-center whitespace-nowrap rounded-md px-2.5 text-sm coarse:h-11",
                    one === section ? "bg-press font-medium text-ink" : "text-ink-2 hover:bg-hover",
                  )}
                >
                  {words.nav[one]}
                </Link>
              </li>
            ))}
          </ul>
        </nav>
        {over ? (
          <div className="ml-auto flex flex-wrap items-center gap-2 max-sm:w-full">
            {timed ? (
              <PickField
                label={words.clock}
                value={clock}
                onPick={(value) => setClock(value === "business" ? "business" : "calendar")}
                options={(["calendar", "business"] as const).map((value) => ({
                  value,
                  name: words.clocks[value],
                }))}
              />
            ) : null}
            {info.teams.length > 0 ? (
              <PickField
                label={words.teamFilter}
                value={team ?? ""}
                onPick={(value) => setTeam(value === "" ? null : value)}
                options={[
                  { value: "", name: words.everyTeam },
                  ...info.teams.map((one) => ({ value: one.id, name: one.name })),
                ]}
              />
            ) : null}
            <PickField
              label={words.range}
              value={range}
              onPick={(value) => {
                if (!isRange(value)) return;
                setRange(value);
                storage.set(KEY, value);
              }}
              options={RANGES.map((value) => ({ value, name: rangeName(value) }))}
            />
          </div>
        ) : null}
      </div>
      <div className="scroll-thin min-h-0 flex-1 overflow-y-auto px-3 py-4 md:px-6 md:py-6">
        <div className="mx-auto flex max-w-[100rem] flex-col gap-4">
          <h2 className="sr-only">{words.nav[section]}</h2>
          {section === "overview" ? <Overview choice={choice} /> : null}
          {section === "trends" ? <Trends /> : null}
          {section === "team" ? <Teams /> : null}
          {section === "agents" ? <Agents choice={choice} /> : null}
          {section === "sla" ? <ServiceLevels choice={choice} /> : null}
          {section === "ai" ? <Ai choice={choice} /> : null}
        </div>
      </div>
    </main>
  );
}
