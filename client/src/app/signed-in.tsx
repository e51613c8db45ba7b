import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { useLocation } from "wouter";
import { Button } from "@/components/ui/button";
import { Delayed } from "@/components/ui/delayed";
import { Notice } from "@/components/ui/notice";
import type { Api } from "@/sync/api";
import { asProblem } from "@/sync/problem-error";
import { backHere } from "./back-here";
import { BootScreen } from "./boot-screen";
import { DeskProvider } from "./desk-provider";
import { Shell } from "./shell";
import { strings } from "./strings/strings";
import { thisTab } from "./tab";

const SLOWLY_CHANGING_MS = 5 * 60_000;

/** Finds out who is here and what this desk is, then opens it; or sends whoever is not signed in to the door. */
export function SignedIn({ api }: { api: Api }) {
  const [, navigate] = useLocation();
  const me = useQuery({ queryKey: ["me"], queryFn: () => api.me(), staleTime: Number.POSITIVE_INFINITY });
  const signedIn = me.data !== undefined;
  const info = useQuery({
    queryKey: ["desk"],
    queryFn: () => api.desk(),
    enabled: signedIn,
    staleTime: SLOWLY_CHANGING_MS,
  });
  const people = useQuery({
    queryKey: ["people"],
    queryFn: () => api.people(),
    enabled: signedIn,
    staleTime: SLOWLY_CHANGING_MS,
  });
  const tab = useQuery({ queryKey: ["tab"], queryFn: thisTab, staleTime: Number.POSITIVE_INFINITY });

  const error = me.error ?? info.error ?? people.error;
  const mustSignIn = error !== null && asProblem(error).status === 401;
  useEffect(() => {
    if (mustSignIn) navigate(`/sign-in?to=${backHere()}`, { replace: true });
  }, [mustSignIn, navigate]);

  if (me.data && info.data && people.data && tab.data) {
    return (
      <DeskProvider api={api} me={me.data} info={info.data} people={people.data} client={tab.data}>
        <Shell />
      </DeskProvider>
    );
  }
  if (error !== null && !mustSignIn) {
    return (
      <Notice
        page
        alert
        title={strings.list.failed}
        hint={
          strings.problems.codes[asProblem(error).code] ??
          (asProblem(error).status === 0
            ? strings.problems.unreachable
            : strings.problems.other(asProblem(error).message))
        }
        action={
          <Button
            variant="primary"
            onClick={() => {
              for (const query of [me, info, people]) if (query.error) void query.refetch();
            }}
          >
            {strings.list.retry}
          </Button>
        }
      />
    );
  }
  return (
    <Delayed>
      <BootScreen />
    </Delayed>
  );
}
