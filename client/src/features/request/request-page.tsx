import { useQuery, useQueryClient } from "@tanstack/react-query";
import clsx from "clsx";
import { Check } from "lucide-react";
import { type FormEvent, type ReactNode, useEffect, useState, useSyncExternalStore } from "react";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { TextArea } from "@/components/ui/text-area";
import { dateAndTime, fullTime } from "@/desk/format-time";
import { problemText } from "@/desk/refusal-text";
import type { RequestMessage, RequestView } from "@/protocol/types";
import { asProblem } from "@/sync/problem-error";
import type { RequestsApi } from "@/sync/requests";
import { FileField, FilesOfMessage, useRequestFiles } from "./request-files";
import { RequestFrame } from "./request-frame";

const REFRESH_MS = 30_000;

const STATE_LOOK: Record<RequestView["state"], string> = {
  open: "bg-accent-soft text-accent",
  waiting: "bg-warn-soft text-warn",
  solved: "bg-good-soft text-good",
  closed: "bg-hover text-ink-2",
};

/** The secret stands behind the #, so that no server's log and no other site ever gets it. */
function useSecret(): string {
  return useSyncExternalStore(
    (changed) => {
      window.addEventListener("hashchange", changed);
      return () => window.removeEventListener("hashchange", changed);
    },
    () => window.location.hash.slice(1),
  );
}

/** A request as its writer follows it. */
export function RequestPage({
  api,
  body,
}: {
  api: RequestsApi;
  /** Draws what somebody wrote. */
  body: (message: RequestMessage) => ReactNode;
}) {
  const secret = useSecret();
  const queries = useQueryClient();
  const key = ["request", secret];
  const request = useQuery({
    queryKey: key,
    queryFn: () => api.show(secret),
    enabled: secret !== "",
    refetchInterval: REFRESH_MS,
  });
  const subject = request.data?.subject;
  useEffect(() => {
    document.title = subject ?? strings.request.title;
  }, [subject]);
  const problem = request.error === null ? null : asProblem(request.error);
  if (secret === "" || problem?.status === 404)
    return <Notice page title={strings.request.noLink} hint={strings.request.noLinkHint} />;
  if (request.data === undefined) {
    if (problem === null) return null;
    return (
      <Notice
        page
        alert
        title={strings.request.failed}
        hint={problemText(problem)}
        action={<Button onClick={() => void request.refetch()}>{strings.list.retry}</Button>}
      />
    );
  }
  const view = request.data;
  return (
    <RequestFrame
      title={view.subject}
      intro={
        <span className="text-ink-3 text-sm">
          {view.desk} · {strings.request.number(view.id)}
          {view.follow_up_of === null ? "" : ` · ${strings.request.followUp(view.follow_up_of)}`}
        </span>
      }
      aside={
        <span className={clsx("mt-1 rounded-full px-2.5 py-0.5 font-medium text-xs", STATE_LOOK[view.state])}>
          {strings.request.states[view.state]}
        </span>
      }
    >
      <ol className="flex flex-col gap-3">
        {view.messages.map((message) => (
          <li key={message.id}>
            <article
              className={clsx(
                "flex flex-col gap-1.5 rounded-xl border px-4 py-3",
                message.own ? "bg-surface" : "border-transparent bg-outbound",
              )}
            >
              <header className="flex flex-wrap items-baseline justify-between gap-x-3">
                <span className="font-medium text-sm">
                  {message.own ? strings.request.you : message.author}
                </span>
                <time dateTime={message.at} title={fullTime(message.at)} className="text-ink-3 text-xs">
                  {dateAndTime(message.at, Date.now())}
                </time>
              </header>
              {body(message)}
              <FilesOfMessage files={message.attachments} token={secret} api={api} />
            </article>
          </li>
        ))}
      </ol>
      <Answer
        key={view.id}
        view={view}
        api={api}
        secret={secret}
        onDone={(next) => queries.setQueryData(key, next)}
      />
    </RequestFrame>
  );
}

function Answer({
  view,
  api,
  secret,
  onDone,
}: {
  view: RequestView;
  api: RequestsApi;
  secret: string;
  onDone: (view: RequestView) => void;
}) {
  const attached = useRequestFiles(api.uploads, view.files);
  const [text, setText] = useState("");
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const run = async (call: () => Promise<RequestView>, sent: boolean) => {
    setBusy(true);
    setError(null);
    try {
      onDone(await call());
      if (sent) {
        setText("");
        attached.sent();
      }
    } catch (failure) {
      const problem = asProblem(failure);
      if (!attached.refused(problem)) setError(problem.fields[0]?.detail ?? problemText(problem));
    } finally {
      setBusy(false);
    }
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const nothing = text.trim() === "" && attached.files.length === 0 && attached.sending.length === 0;
    setError(nothing ? strings.request.required : null);
    if (!nothing && attached.ready()) void run(() => api.answer(secret, text, attached.ids), true);
  };
  const hint =
    view.state === "closed"
      ? strings.request.closedAnswer
      : view.state === "solved"
        ? strings.request.solvedHint
        : undefined;
  return (
    <form
      onSubmit={submit}
      {...attached.drop.target}
      onPaste={attached.drop.onPaste}
      noValidate
      className="flex flex-col gap-3"
    >
      <TextArea
        label={strings.request.answer}
        rows={4}
        maxLength={20_000}
        value={text}
        onChange={(event) => setText(event.target.value)}
        error={error}
        {...(hint === undefined ? {} : { hint })}
      />
      <FileField attached={attached} />
      <div className="flex flex-wrap justify-end gap-2">
        {view.state === "open" || view.state === "waiting" ? (
          <Button size="lg" disabled={busy} onClick={() => void run(() => api.solve(secret), false)}>
            <Check className="size-4" />
            {strings.request.solve}
          </Button>
        ) : null}
        <Button type="submit" variant="primary" size="lg" disabled={busy}>
          {strings.request.send}
        </Button>
      </div>
    </form>
  );
}
