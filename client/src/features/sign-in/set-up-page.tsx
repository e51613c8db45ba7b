import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useLocation, useSearchParams } from "wouter";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { TextField } from "@/components/ui/text-field";
import type { Api } from "@/sync/api";
import { asProblem, type ProblemError } from "@/sync/problem-error";
import { Door } from "./door";

const FIELDS = ["name", "email", "password"] as const;
type Field = (typeof FIELDS)[number];

export function SetUpPage({ api }: { api: Api }) {
  const queries = useQueryClient();
  const [, navigate] = useLocation();
  const [search] = useSearchParams();
  const token = search.get("token");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const [fields, setFields] = useState<Partial<Record<Field, string>>>({});

  if (token === null || token === "")
    return <Notice page title={strings.setUp.title} hint={strings.setUp.noToken} />;
  const secret = token;

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const given = Object.fromEntries(
      FIELDS.map((field) => [field, String(form.get(field) ?? "").trim()]),
    ) as Record<Field, string>;
    if (FIELDS.some((field) => given[field] === "")) {
      setError(strings.signIn.missing);
      return;
    }
    setBusy(true);
    setError(null);
    setFields({});
    try {
      await api.setUp({ token: secret, ...given });
      await api.signIn({ email: given.email, password: given.password });
      queries.clear();
      navigate("/", { replace: true });
    } catch (failure) {
      setBusy(false);
      explain(asProblem(failure));
    }
  }

  function explain(problem: ProblemError) {
    const wrong: Partial<Record<Field, string>> = {};
    for (const { pointer, detail } of problem.fields) {
      const field = FIELDS.find((name) => pointer === `/${name}`);
      if (field !== undefined) wrong[field] = detail;
    }
    setFields(wrong);
    if (Object.keys(wrong).length > 0) return;
    if (problem.status === 0) setError(strings.problems.unreachable);
    else if (
      problem.status === 401 ||
      problem.status === 403 ||
      problem.status === 404 ||
      problem.status === 409
    ) {
      setError(strings.setUp.refused);
    } else setError(strings.problems.codes[problem.code] ?? strings.problems.other(problem.message));
  }

  return (
    <Door title={strings.setUp.title} intro={strings.setUp.intro}>
      <form onSubmit={submit} noValidate className="flex flex-col gap-4">
        <TextField
          label={strings.setUp.name}
          name="name"
          autoComplete="name"
          error={fields.name ?? null}
          autoFocus
        />
        <TextField
          label={strings.signIn.email}
          name="email"
          type="email"
          autoComplete="username"
          error={fields.email ?? null}
        />
        <TextField
          label={strings.setUp.password}
          name="password"
          type="password"
          autoComplete="new-password"
          hint={strings.setUp.passwordHint}
          error={fields.password ?? null}
        />
        {error ? (
          <p role="alert" className="text-danger text-sm">
            {error}
          </p>
        ) : null}
        <Button type="submit" variant="primary" size="lg" disabled={busy} className="mt-2">
          {busy ? strings.setUp.submitting : strings.setUp.submit}
        </Button>
      </form>
    </Door>
  );
}
