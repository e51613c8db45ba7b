import { useQuery } from "@tanstack/react-query";
import clsx from "clsx";
import { ChartNoAxesColumn, Clock, Plus, Users } from "lucide-react";
import { Link } from "wouter";
import { figureWords as words } from "@/app/strings/figures";
import { Button } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { Skeleton } from "@/components/ui/skeleton";
import { useDesk } from "@/desk/desk-context";
import { MenuButton } from "@/desk/menu-button";
import type { Report } from "@/protocol/types";
import { Builder } from "./builder";

/** Saved reports at the left; at the right one of them, or a new one. */
export function ReportsScreen({ report, onMenu }: { report: string | undefined; onMenu: () => void }) {
  const { api } = useDesk();
  const asked = useQuery({ queryKey: ["reports"], queryFn: () => api.figures.reports() });
  const saved = asked.data;
  const chosen = saved?.find((one) => one.id === report);
  return (
    <main id="ticket" tabIndex={-1} className="flex h-full flex-col bg-canvas outline-none lg:border-l">
      <header className="flex h-12 shrink-0 items-center gap-2 border-b bg-surface pr-3 pl-3.5 md:pl-6">
        <MenuButton onMenu={onMenu} />
        <h1 className="font-semibold text-base tracking-tight">{words.reports}</h1>
      </header>
      <div className="flex min-h-0 flex-1 flex-col md:flex-row">
        <nav
          aria-label={words.report.saved}
          className="scroll-thin max-h-40 shrink-0 overflow-y-auto border-b bg-surface p-2 md:max-h-none md:w-60 md:border-r md:border-b-0 md:p-3"
        >
          <Item href="/reports" here={report === undefined}>
            <Plus className="size-4 text-ink-3" aria-hidden="true" />
            <span className="flex-1">{words.report.new}</span>
          </Item>
          <Saved
            reports={saved}
            chosen={report}
            failed={asked.error !== null}
            retry={() => void asked.refetch()}
          />
        </nav>
        <div className="scroll-thin min-h-0 flex-1 overflow-y-auto px-3 py-4 md:px-6 md:py-6">
          {report !== undefined && saved === undefined ? (
            <Skeleton className="h-40 w-full rounded-xl" />
          ) : report !== undefined && chosen === undefined ? (
            <Notice title={words.report.gone} />
          ) : (
            <Builder key={chosen?.id ?? "new"} report={chosen} />
          )}
        </div>
      </div>
    </main>
  );
}

function Saved({
  reports,
  chosen,
  failed,
  retry,
}: {
  reports: readonly Report[] | undefined;
  chosen: string | undefined;
  failed: boolean;
  retry: () => void;
}) {
  if (reports === undefined)
    return failed ? (
      <div role="alert" className="px-2 py-3 text-sm">
        <p>{words.failed}</p>
        <Button size="sm" className="mt-2" onClick={retry}>
          {words.retry}
        </Button>
      </div>
    ) : (
      <Skeleton className="m-2 h-20" />
    );
  if (reports.length === 0)
    return (
      <p className="hidden px-2 py-3 text-ink-3 text-xs md:block">
        {words.report.noneSaved}. {words.report.noneSavedHint}
      </p>
    );
  return (
    <ul aria-label={words.report.saved} className="mt-1 flex flex-col gap-px">
      {reports.map((report) => (
        <li key={report.id}>
          <Item href={`/reports/${report.id}`} here={report.id === chosen}>
            <ChartNoAxesColumn className="size-4 shrink-0 text-ink-3" aria-hidden="true" />
            <span className="min-w-0 flex-1 truncate">{report.name}</span>
            {report.schedule ? (
              <Clock className="size-3.5 shrink-0 text-ink-3" aria-label={words.report.schedule} />
            ) : null}
            {report.shared ? (
              <Users className="size-3.5 shrink-0 text-ink-3" aria-label={words.report.sharedMark} />
            ) : null}
          </Item>
        </li>
      ))}
    </ul>
  );
}

function Item({ href, here, children }: { href: string; here: boolean; children: React.ReactNode }) {
  return (
    <Link
      href={href}
      aria-current={here ? "page" : undefined}
      className={clsx(
        "flex h-8 items-center gap-2 rounded-md px-2 text-sm coarse:h-11",
        here ? "bg-press font-medium text-ink" : "text-ink-2 hover:bg-hover",
      )}
    >
      {children}
    </Link>
  );
}
