import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { SelectField } from "@/components/ui/select-field";
import { TextField } from "@/components/ui/text-field";
import { useDesk } from "@/desk/desk-context";
import { dateAndTime } from "@/desk/format-time";
import { refusalText } from "@/desk/refusal-text";
import { errorToast, toast } from "@/desk/toast";
import { usePersonName } from "@/desk/use-live";
import { useNow } from "@/desk/use-now";
import type { AccessToken, NewAccessToken } from "@/protocol/types";
import { asProblem } from "@/sync/problem-error";

const DAY_MS = 86_400_000;
const LIFETIMES = ["30", "90", "365", ""] as const;

/** Bearer tokens for programs. A token is shown once. */
export function Tokens() {
  const { api, me } = useDesk();
  const queries = useQueryClient();
  const nameOf = usePersonName();
  const now = useNow("quarter-minute");
  const [name, setName] = useState("");
  const [days, setDays] = useState<string>("90");
  const [made, setMade] = useState<NewAccessToken | null>(null);
  const [sure, setSure] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  const tokens = useQuery({
    queryKey: ["tokens"],
    queryFn: async () => {
      const all: AccessToken[] = [];
      let after: string | null = null;
      do {
        const page: Awaited<ReturnType<typeof api.tokens>> = await api.tokens(after);
        all.push(...page.data);
        after = page.meta.has_more ? page.meta.after_cursor : null;
      } while (after !== null);
      return all;
    },
  });

  const explain = (failure: unknown) => {
    const problem = asProblem(failure);
    return refusalText(problem.code, problem.message, problem.details, nameOf);
  };

  async function submit(event: FormEvent) {
    event.preventDefault();
    setError(null);
    try {
      const token = await api.createToken({
        name: name.trim(),
        ...(days === "" ? {} : { expires_at: new Date(Date.now() + Number(days) * DAY_MS).toISOString() }),
      });
      setMade(token);
      setName("");
      void queries.invalidateQueries({ queryKey: ["tokens"] });
    } catch (failure) {
      setError(explain(failure));
    }
  }

  async function revoke(id: string) {
    try {
      await api.revokeToken(id);
      if (made?.id === id) setMade(null);
    } catch (failure) {
      errorToast(strings.settings.revokeFailed, { description: explain(failure) });
    }
    setSure(null);
    void queries.invalidateQueries({ queryKey: ["tokens"] });
  }

  return (
    <>
      <form onSubmit={submit} className="flex flex-wrap items-end gap-3">
        <div className="min-w-48 flex-1">
          <TextField
            label={strings.settings.tokenName}
            value={name}
            onChange={(event) => setName(event.target.value)}
            autoComplete="off"
            maxLength={100}
          />
        </div>
        <SelectField
          label={strings.settings.tokenLife}
          value={days}
          onChange={(event) => setDays(event.target.value)}
          options={LIFETIMES.map((value) => ({
            value,
            name: value === "" ? strings.settings.forever : strings.settings.days(Number(value)),
          }))}
        />
        <Button type="submit" variant="primary" size="lg" disabled={name.trim() === ""}>
          {strings.settings.makeToken}
        </Button>
      </form>
      {error ? (
        <p role="alert" className="text-danger text-sm">
          {error}
        </p>
      ) : null}
      {made === null ? null : (
        <div role="status" className="flex flex-col gap-2 rounded-lg border border-accent bg-accent-soft p-4">
          <p className="font-medium text-sm">{strings.settings.tokenMade(made.name)}</p>
          <div className="flex items-center gap-2">
            <code className="min-w-0 flex-1 select-all rounded bg-surface px-2 py-1.5 font-mono text-xs [overflow-wrap:anywhere]">
              {made.token}
            </code>
            <Button
              size="sm"
              onClick={() =>
                void navigator.clipboard?.writeText(made.token).then(() => toast(strings.settings.copied))
              }
            >
              {strings.settings.copy}
            </Button>
          </div>
        </div>
      )}
      {tokens.error === null ? null : (
        <Notice
          alert
          title={strings.settings.tokensFailed}
          hint={explain(tokens.error)}
          action={<Button onClick={() => void tokens.refetch()}>{strings.list.retry}</Button>}
        />
      )}
      {tokens.data?.length === 0 ? <p className="text-ink-3 text-sm">{strings.settings.noTokens}</p> : null}
      <ul aria-label={strings.settings.sections.tokens} className="border-t">
        {(tokens.data ?? []).map((token) => (
          <li key={token.id} className="flex items-center gap-3 border-b py-2">
            <span className="min-w-0 flex-1">
              <span className="block truncate font-medium text-sm">{token.name}</span>
              <span className="block truncate text-ink-3 text-xs">
                {token.user === me.id ? "" : `${nameOf(token.user)} · `}
                {token.expires_at === null
                  ? strings.settings.neverEnds
                  : strings.settings.ends(dateAndTime(token.expires_at, now))}
              </span>
            </span>
            {sure === token.id ? (
              <Button variant="danger" size="sm" onClick={() => void revoke(token.id)}>
                {strings.settings.reallyRevoke}
              </Button>
            ) : (
              <Button
                size="sm"
                onClick={() => setSure(token.id)}
                aria-label={strings.settings.revokeToken(token.name)}
              >
                {strings.settings.revoke}
              </Button>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}
