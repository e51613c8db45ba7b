import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { lazy, Suspense, useSyncExternalStore } from "react";
import { Route, Switch } from "wouter";
import { toaster } from "@/desk/toast";
import { createApi } from "@/sync/api";
import { asProblem } from "@/sync/problem-error";
import { ErrorBoundary } from "./error-boundary";
import { LiveRegion } from "./live-region";
import { SignedIn } from "./signed-in";

const SignInPage = lazy(() =>
  import("@/features/sign-in/sign-in-page").then((m) => ({ default: m.SignInPage })),
);
const SetUpPage = lazy(() =>
  import("@/features/sign-in/set-up-page").then((m) => ({ default: m.SetUpPage })),
);

const RequestPages = lazy(() => import("./request-pages").then((m) => ({ default: m.RequestPages })));

const Toasts = lazy(() => import("./toasts").then((m) => ({ default: m.Toasts })));

const api = createApi((input, init) => fetch(input, init));

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      retry: (failures, error) => asProblem(error).retryable && failures < 3,
    },
  },
});

export function App() {
  const toasting = useSyncExternalStore(toaster.subscribe, toaster.get) !== "absent";
  return (
    <ErrorBoundary>
      <QueryClientProvider client={queries}>
        <LiveRegion>
          <Suspense fallback={null}>
            <Switch>
              <Route path="/sign-in">
                <SignInPage api={api} />
              </Route>
              <Route path="/setup">
                <SetUpPage api={api} />
              </Route>
              <Route path="/request/new">
                <RequestPages form />
              </Route>
              <Route path="/request">
                <RequestPages form={false} />
              </Route>
              <Route>
                <SignedIn api={api} />
              </Route>
            </Switch>
          </Suspense>
        </LiveRegion>
        {toasting ? (
          <Suspense fallback={null}>
            <Toasts />
          </Suspense>
        ) : null}
      </QueryClientProvider>
    </ErrorBoundary>
  );
}
