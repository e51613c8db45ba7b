import { lazy, Suspense, useEffect, useState } from "react";
import { Redirect, Route, Switch, useLocation } from "wouter";
import { Button } from "@/components/ui/button";
import { Delayed } from "@/components/ui/delayed";
import { Notice } from "@/components/ui/notice";
import { useDesk } from "@/desk/desk-context";
import { toast } from "@/desk/toast";
import { ActionsProvider, HoldKeys, useAction } from "@/keyboard/actions";
import { BootScreen } from "./boot-screen";
import { useClaimNext } from "./claim-next";
import { ConnectionGate } from "./connection-gate";
import { ErrorBoundary } from "./error-boundary";
import { loadable } from "./loadable";
import { NewBuildWatch } from "./new-build-watch";
import { Sidebar } from "./sidebar";
import { strings } from "./strings/strings";
import { UsageWatch } from "./usage-watch";
import { warmUp } from "./warm-up";

const InboxPage = loadable(() => import("./inbox-page").then((m) => m.InboxPage));
// Most people begin here: the page is on its way while the server says who they are.
if (/^\/(inbox\/|tickets\/|$)/.test(window.location.pathname)) void InboxPage.preload().catch(() => {});
const SearchPage = lazy(() => import("./search-page").then((m) => ({ default: m.SearchPage })));
const BoardPage = lazy(() => import("./board-page").then((m) => ({ default: m.BoardPage })));
const WallboardPage = lazy(() => import("./wallboard-page").then((m) => ({ default: m.WallboardPage })));
const TimeMachinePage = lazy(() =>
  import("./time-machine-page").then((m) => ({ default: m.TimeMachinePage })),
);
// The screens of figures come with their words, which must be there before the first of them is drawn.
const withWords = <T,>(page: () => Promise<T>) =>
  import("./strings/figures").then((m) => m.loadFigureWords()).then(page);
const AnalyticsPage = lazy(() =>
  withWords(() => import("./analytics-page").then((m) => ({ default: m.AnalyticsPage }))),
);
const ReportsPage = lazy(() =>
  withWords(() => import("./reports-page").then((m) => ({ default: m.ReportsPage }))),
);
const OperationsPage = lazy(() =>
  withWords(() => import("./operations-page").then((m) => ({ default: m.OperationsPage }))),
);
const SettingsPage = lazy(() => import("./settings-page").then((m) => ({ default: m.SettingsPage })));
const Drawer = lazy(() => import("@/components/ui/dialog").then((m) => ({ default: m.Dialog })));
const QueuePage = lazy(() => import("./queue-page").then((m) => ({ default: m.QueuePage })));
const CommandPalette = lazy(() => import("./command-palette").then((m) => ({ default: m.CommandPalette })));
const NewTicketDialog = lazy(() =>
  import("@/features/new-ticket/new-ticket-dialog").then((m) => ({ default: m.NewTicketDialog })),
);
const HelpSheet = lazy(() => import("./help-sheet").then((m) => ({ default: m.HelpSheet })));

export function Shell() {
  return (
    <ActionsProvider>
      <NewBuildWatch />
      <UsageWatch />
      <ConnectionGate>
        <Frame />
      </ConnectionGate>
    </ActionsProvider>
  );
}

function Frame() {
  const [location, navigate] = useLocation();
  const onWall = location === "/wallboard";
  const page = location.split("/")[1] ?? "";
  // Here, and not with the page: somebody may go on by a key before the first one is drawn.
  useEffect(() => {
    // What leads to somewhere else is no page.
    if (page !== "") opened ??= page;
  }, [page]);
  const [drawer, setDrawer] = useState(false);
  const [palette, setPalette] = useState(false);
  const [help, setHelp] = useState(false);
  const [newTicket, setNewTicket] = useState(false);
  const claimNext = useClaimNext();
  const { info, lastChange } = useDesk();
  useEffect(warmUp, []);

  useAction({
    id: "claim-next",
    title: strings.actions.claimNext,
    section: "tickets",
    keys: "c",
    words: "claim queue take",
    run: claimNext,
  });
  useAction({
    id: "new-ticket",
    title: strings.newTicket.open,
    section: "tickets",
    keys: "N",
    words: "create open compose",
    run: () => setNewTicket(true),
  });
  useAction({
    id: "search",
    title: strings.search.open,
    section: "go",
    keys: "/",
    words: "find text",
    run: () => {
      const box = document.getElementById("search-box");
      if (box instanceof HTMLInputElement) {
        box.focus();
        box.select();
      } else navigate("/search");
    },
  });
  useAction({
    id: "palette",
    title: strings.actions.palette,
    section: "app",
    keys: "mod+k",
    run: () => setPalette((open) => !open),
  });
  useAction({
    id: "undo",
    title: strings.actions.undoLast,
    section: "app",
    keys: "z",
    run: () => {
      const last = lastChange.get();
      if (last === null || Date.now() - last.at > info.undo_window_ms) toast(strings.actions.nothingToUndo);
      else last.undo();
    },
  });
  const go = (id: string, title: string, keys: string, to: string) => ({
    id: `go-${id}`,
    title: strings.actions.goTo(title),
    section: "go" as const,
    keys,
    run: () => navigate(to),
  });
  useAction(go("inbox", strings.nav.inbox, "g i", "/inbox/mine"));
  useAction(go("all", strings.views.open, "g o", "/inbox/open"));
  useAction(go("analytics", strings.nav.analytics, "g a", "/analytics/overview"));
  useAction(go("reports", strings.nav.reports, "g r", "/reports"));
  useAction(go("queue", strings.nav.queue, "g q", "/queue"));
  useAction(go("board", strings.nav.board, "g b", "/board"));
  useAction(go("wallboard", strings.nav.wallboard, "g w", "/wallboard"));
  useAction(go("past", strings.nav.past, "g t", "/time"));
  useAction(go("settings", strings.nav.settings, "g s", "/settings/profile"));
  useAction({ id: "help", title: strings.actions.help, section: "app", keys: "?", run: () => setHelp(true) });

  const sidebar = (
    <Sidebar
      onNavigate={() => setDrawer(false)}
      onClaim={claimNext}
      onSearch={() => setPalette(true)}
      onNewTicket={() => setNewTicket(true)}
      onHelp={() => setHelp(true)}
    />
  );

  return (
    <div className="flex h-full">
      <a
        href="#ticket"
        className="sr-only focus:not-sr-only focus:absolute focus:top-2 focus:left-2 focus:z-50 focus:rounded-md focus:bg-raised focus:px-3 focus:py-2 focus:shadow-pop"
      >
        {strings.nav.skip}
      </a>
      {onWall ? null : (
        <div className="hidden w-[clamp(12.5rem,14vw,16rem)] shrink-0 lg:block">{sidebar}</div>
      )}
      {drawer ? (
        <Suspense fallback={null}>
          <Drawer open onOpenChange={setDrawer} title={strings.nav.label} titleHidden place="left">
            {sidebar}
          </Drawer>
        </Suspense>
      ) : null}
      <div className="min-w-0 flex-1">
        <ErrorBoundary key={page}>
          <Suspense
            fallback={
              <Delayed>
                <BootScreen />
              </Delayed>
            }
          >
            <Switch>
              <Route path="/inbox/:view/:ticket?">
                {(params) => (
                  <InboxPage view={params.view} ticket={params.ticket} onMenu={() => setDrawer(true)} />
                )}
              </Route>
              <Route path="/search/:ticket?">
                {(params) => <SearchPage ticket={params.ticket} onMenu={() => setDrawer(true)} />}
              </Route>
              <Route path="/board/:ticket?">
                {(params) => <BoardPage ticket={params.ticket} onMenu={() => setDrawer(true)} />}
              </Route>
              <Route path="/wallboard">
                <WallboardPage />
              </Route>
              <Route path="/time">
                <TimeMachinePage onMenu={() => setDrawer(true)} />
              </Route>
              <Route path="/analytics/:section?">
                {(params) => <AnalyticsPage section={params.section} onMenu={() => setDrawer(true)} />}
              </Route>
              <Route path="/reports/:report?">
                {(params) => <ReportsPage report={params.report} onMenu={() => setDrawer(true)} />}
              </Route>
              <Route path="/operations">
                <OperationsPage onMenu={() => setDrawer(true)} />
              </Route>
              <Route path="/settings/:section?">
                {(params) => <SettingsPage section={params.section} onMenu={() => setDrawer(true)} />}
              </Route>
              <Route path="/queue">
                <QueuePage onMenu={() => setDrawer(true)} onClaim={claimNext} />
              </Route>
              <Route path="/tickets/:ticket">
                {(params) => <Redirect to={`/inbox/open/${params.ticket}`} replace />}
              </Route>
              <Route path="/">
                <Redirect to="/inbox/mine" replace />
              </Route>
              <Route>
                <Notice
                  page
                  title={strings.page.notFound}
                  hint={strings.page.notFoundHint}
                  action={<Button onClick={() => navigate("/inbox/mine")}>{strings.page.toInbox}</Button>}
                />
              </Route>
            </Switch>
            <FocusPage page={page} />
          </Suspense>
        </ErrorBoundary>
      </div>
      <Suspense fallback={<HoldKeys />}>
        {palette ? <CommandPalette onClose={() => setPalette(false)} /> : null}
        {newTicket ? (
          <NewTicketDialog
            onClose={() => setNewTicket(false)}
            onCreated={(ticket) => {
              setNewTicket(false);
              navigate(`/tickets/${ticket}`);
            }}
            onAgain={() => setNewTicket(true)}
          />
        ) : null}
        {help ? <HelpSheet onClose={() => setHelp(false)} /> : null}
      </Suspense>
    </div>
  );
}

/** The page on which the app was opened: there the browser's own focus is right. */
let opened: string | null = null;

/** Whoever comes to another page by a key goes on in it, and hears where: the focus of the one before is gone with it. */
function FocusPage({ page }: { page: string }) {
  useEffect(() => {
    if (page === "" || opened === null || page === opened || document.activeElement !== document.body) return;
    opened = "";
    document.getElementById("ticket")?.focus({ preventScroll: true });
  }, [page]);
  return null;
}
