import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useEffect, useState } from "react";
import { useLocation, useSearchParams } from "wouter";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import { TextField } from "@/components/ui/text-field";
import type { Api } from "@/sync/api";
import { asProblem } from "@/sync/problem-error";
import { Door } from "./door";

export function SignInPage({ api }: { api: Api }) {
  const queries = useQueryClient();
  const [, navigate] = useLocation();
  const [search] = useSearchParams();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);

  useEffect(() => {
    document.title = `${strings.signIn.title} · ${strings.product}`;
  }, []);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const email = String(form.get("email") ?? "").trim();
    const password = String(form.get("password") ?? "");
    if (email === "" || password === "") {
      setError(strings.signIn.missing);
      return;
    }
    setBusy(true);
    setError(null);
    try {
      await api.signIn({ email, password });
      // Whatever an earlier user of this browser saw is not this one's to see.
      queries.clear();
      navigate(localTarget(search.get("to")), { replace: true });
    } catch (failure) {
      const problem = asProblem(failure);
      setBusy(false);
      if (problem.status === 401 || problem.status === 403) setError(strings.signIn.wrong);
      else if (problem.status === 0) setError(strings.problems.unreachable);
      else setError(strings.problems.codes[problem.code] ?? strings.problems.other(problem.message));
    }
  }

  return (
    <Door
      title={strings.signIn.title}
      intro={search.has("ended") ? strings.signIn.ended : strings.signIn.intro}
    >
      <form onSubmit={submit} noValidate className="flex flex-col gap-4">
        <TextField label={strings.signIn.email} name="email" type="email" autoComplete="username" autoFocus />
        <TextField
          label={strings.signIn.password}
          name="password"
          type="password"
          autoComplete="current-password"
          error={error}
        />
        <p role="alert" className="sr-only">
          {error}
        </p>
        <Button type="submit" variant="primary" size="lg" disabled={busy} className="mt-2">
          {busy ? strings.signIn.submitting : strings.signIn.submit}
        </Button>
      </form>
    </Door>
  );
}

/** Only paths of this desk: an address in a link must not send anybody elsewhere after signing in. */
function localTarget(to: string | null): string {
  if (to === null || !to.startsWith("/")) return "/";
  // As the browser reads it: it passes over tabs, and takes a backslash for a slash.
  const target = URL.canParse(to, window.location.origin) ? new URL(to, window.location.origin) : null;
  return target?.origin === window.location.origin ? `${target.pathname}${target.search}${target.hash}` : "/";
}
