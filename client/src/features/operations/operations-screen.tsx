import { useQuery } from "@tanstack/react-query";
import { CircleCheck, CircleX, ShieldAlert } from "lucide-react";
import { useMemo, useState } from "react";
import { figureWords as words } from "@/app/strings/figures";
import { Button } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { Skeleton } from "@/components/ui/skeleton";
import { TextField } from "@/components/ui/text-field";
import { Card } from "@/desk/charts/chart-card";
import { figure } from "@/desk/charts/figure-text";
import { Stat, Stats } from "@/desk/charts/stat";
import { useDesk } from "@/desk/desk-context";
import { dateAndTime } from "@/desk/format-time";
import { MenuButton } from "@/desk/menu-button";
import { useNow } from "@/desk/use-now";
import type { OperationsFigure } from "@/protocol/types";
import { text, worst } from "./operations-figures";

const AGAIN_MS = 5_000;
const ERRORS_AGAIN_MS = 30_000;

/** How the server is doing, from its own measurements; for administrators. */
export function OperationsScreen({ onMenu }: { onMenu: () => void }) {
  const { api, me } = useDesk();
  const allowed = me.permissions.includes("settings_write");
  const asked = useQuery({
    queryKey: ["operations"],
    queryFn: () => api.figures.operations(),
    refetchInterval: AGAIN_MS,
    enabled: allowed,
  });
  const found = asked.data;
  return (
    <main id="ticket" tabIndex={-1} className="flex h-full flex-col bg-canvas outline-none lg:border-l">
      <header className="flex h-12 shrink-0 items-center gap-2 border-b bg-surface pr-3 pl-3.5 md:pl-6">
        <MenuButton onMenu={onMenu} />
        <h1 className="font-semibold text-base tracking-tight">{words.operations.title}</h1>
      </header>
      <div className="scroll-thin min-h-0 flex-1 overflow-y-auto px-3 py-4 md:px-6 md:py-6">
        {!allowed ? (
          <Notice icon={<ShieldAlert />} title={words.operations.forbidden} />
        ) : found === undefined ? (
          asked.error === null ? (
            <Skeleton className="h-40 w-full rounded-xl" />
          ) : (
            <Notice
              alert
              title={words.failed}
              action={
                <Button variant="primary" onClick={() => void asked.refetch()}>
                  {words.retry}
                </Button>
              }
            />
          )
        ) : (
          <div className="mx-auto flex max-w-[100rem] flex-col gap-4">
            <h2 className="font-normal text-ink-3 text-sm">{words.operations.intro}</h2>
            <Tiles figures={found.figures} />
            <Card
              title={words.operations.checks}
              hint={found.readiness.ready ? words.operations.ready : words.operations.notReady}
            >
              <ul className="grid gap-x-6 gap-y-1 sm:grid-cols-2 lg:grid-cols-3">
                {(found.readiness.checks ?? []).map((check) => (
                  <li key={check.name} className="flex min-h-8 items-center gap-2 text-sm">
                    {check.ok ? (
                      <CircleCheck className="size-4 shrink-0 text-good" aria-label={words.operations.good} />
                    ) : (
                      <CircleX className="size-4 shrink-0 text-danger" aria-label={words.operations.bad} />
                    )}
                    <span className="font-medium">{check.name}</span>
                    <span className="min-w-0 truncate text-ink-3">{check.detail}</span>
                  </li>
                ))}
              </ul>
            </Card>
            {me.permissions.includes("audit_read") ? <Errors /> : null}
            <Everything figures={found.figures} />
          </div>
        )}
      </div>
    </main>
  );
}

function Tiles({ figures }: { figures: readonly OperationsFigure[] }) {
  return (
    <Stats count="twelve">
      {Object.entries(words.operations.tiles).map(([name, title]) => {
        const own = worst(figures, name);
        if (own === undefined) return null;
        const spread = own.count !== undefined;
        return (
          <Stat
            key={name}
            name={title}
            hint={own.help}
            value={spread ? text(own.median, name) : text(own.value, name)}
          >
            {spread ? `${words.operations.p99}: ${text(own.p99, name)}` : ""}
          </Stat>
        );
      })}
    </Stats>
  );
}

/** What went wrong, the newest first. */
function Errors() {
  const { api } = useDesk();
  const asked = useQuery({
    queryKey: ["operations-errors"],
    queryFn: () => api.figures.errors(),
    refetchInterval: ERRORS_AGAIN_MS,
  });
  const now = useNow("quarter-minute");
  return (
    <Card title={words.operations.errors} hint={words.operations.errorsHint}>
      {asked.data === undefined ? (
        asked.error === null ? (
          <Skeleton className="h-16 w-full" />
        ) : (
          <p role="alert" className="text-sm">
            {words.failed}
          </p>
        )
      ) : asked.data.length === 0 ? (
        <p className="py-2 text-ink-3 text-sm">{words.operations.noErrors}</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
        <div tabIndex={0} className="scroll-thin max-h-96 overflow-auto">
          <table className="w-full text-sm tabular-nums">
            <caption className="sr-only">{words.operations.errors}</caption>
            <thead className="sticky top-0 bg-surface text-ink-3 text-xs">
              <tr>
                <th scope="col" className="px-2 py-1.5 text-left font-medium">
                  {words.operations.error}
                </th>
                <th scope="col" className="px-2 py-1.5 text-left font-medium">
                  {words.operations.place}
                </th>
                <th scope="col" className="px-2 py-1.5 text-right font-medium">
                  {words.operations.count}
                </th>
                <th scope="col" className="px-2 py-1.5 text-right font-medium">
                  {words.operations.last}
                </th>
              </tr>
            </thead>
            <tbody>
              {asked.data.map((one) => (
                <tr key={one.fingerprint} className="border-t align-top">
                  <th scope="row" className="max-w-md px-2 py-1.5 text-left font-normal">
                    <span className="line-clamp-2 break-words">{one.message}</span>
                    <span className="text-ink-3 text-xs">
                      {words.operations.sources[one.source] ?? one.source} · {one.build}
                    </span>
                  </th>
                  <td className="break-all px-2 py-1.5 font-mono text-ink-2 text-xs">{one.place}</td>
                  <td className="px-2 py-1.5 text-right">{figure(one.count, "count")}</td>
                  <td className="whitespace-nowrap px-2 py-1.5 text-right text-ink-2">
                    {dateAndTime(one.last_at, now)}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

function Everything({ figures }: { figures: readonly OperationsFigure[] }) {
  const [find, setFind] = useState("");
  const shown = useMemo(() => {
    const word = find.trim().toLowerCase();
    return figures.filter((one) => `${one.name}${one.labels ?? ""} ${one.help}`.toLowerCase().includes(word));
  }, [figures, find]);
  return (
    <Card title={words.operations.all} hint={figure(shown.length, "count")}>
      <div className="mb-3 max-w-sm">
        <TextField
          label={words.operations.find}
          type="search"
          value={find}
          onChange={(event) => setFind(event.target.value)}
        />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
      <div tabIndex={0} className="scroll-thin max-h-[36rem] overflow-auto">
        <table className="w-full min-w-[38rem] text-sm tabular-nums">
          <caption className="sr-only">{words.operations.all}</caption>
          <thead className="sticky top-0 bg-surface text-ink-3 text-xs">
            <tr>
              <th scope="col" className="px-2 py-1.5 text-left font-medium">
                {words.operations.measurement}
              </th>
              {[
                words.operations.value,
                words.operations.count,
                words.operations.median,
                words.operations.p99,
              ].map((name) => (
                <th key={name} scope="col" className="px-2 py-1.5 text-right font-medium">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((one) => (
              <tr key={`${one.name}${one.labels}`} className="border-t">
                <th scope="row" className="px-2 py-1.5 text-left font-normal" title={one.help}>
                  <span className="break-all font-mono text-xs">{one.name}</span>
                  {one.labels ? (
                    <span className="break-all font-mono text-ink-3 text-xs">{one.labels}</span>
                  ) : null}
                </th>
                <td className="whitespace-nowrap px-2 py-1.5 text-right">{text(one.value, one.name)}</td>
                <td className="whitespace-nowrap px-2 py-1.5 text-right">{figure(one.count, "count")}</td>
                <td className="whitespace-nowrap px-2 py-1.5 text-right">{text(one.median, one.name)}</td>
                <td className="whitespace-nowrap px-2 py-1.5 text-right">{text(one.p99, one.name)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}
