import { useQuery } from "@tanstack/react-query";
import { CircleCheck, Copy } from "lucide-react";
import { type FormEvent, useEffect, useId, useMemo, useRef, useState } from "react";
import { Link } from "wouter";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { SelectField } from "@/components/ui/select-field";
import { TextArea } from "@/components/ui/text-area";
import { TextField } from "@/components/ui/text-field";
import { problemText } from "@/desk/refusal-text";
import type { CustomField, NewRequest, RequestForm } from "@/protocol/types";
import { asProblem } from "@/sync/problem-error";
import type { RequestsApi } from "@/sync/requests";
import { FileField, useRequestFiles } from "./request-files";
import { RequestFrame } from "./request-frame";

/** Where a customer writes. Nobody is signed in here. */
export function RequestFormPage({ api }: { api: RequestsApi }) {
  const form = useQuery({ queryKey: ["request-form"], queryFn: () => api.form() });
  const [taken, setTaken] = useState<NewRequest | null>(null);
  useEffect(() => {
    document.title = form.data?.title ?? strings.request.title;
  }, [form.data?.title]);
  if (form.error !== null) {
    const problem = asProblem(form.error);
    if (problem.status === 404)
      return <Notice page title={strings.request.closed} hint={strings.request.closedHint} />;
    return (
      <Notice
        page
        alert
        title={strings.request.failed}
        hint={problemText(problem)}
        action={<Button onClick={() => void form.refetch()}>{strings.list.retry}</Button>}
      />
    );
  }
  if (form.data === undefined) return null;
  if (taken !== null) return <Taken taken={taken} onAnother={() => setTaken(null)} />;
  return <Form form={form.data} api={api} onTaken={setTaken} />;
}

type Wrong = Record<string, string>;

function Form({
  form,
  api,
  onTaken,
}: {
  form: RequestForm;
  api: RequestsApi;
  onTaken: (taken: NewRequest) => void;
}) {
  const [wrong, setWrong] = useState<Wrong>({});
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const attached = useRequestFiles(api.uploads, form.files);
  const element = useRef<HTMLFormElement>(null);

  /** The first field that is not right gets the focus, so that it is read out and seen. */
  const point = (fields: Wrong) => {
    setWrong(fields);
    requestAnimationFrame(() => {
      const first = element.current?.querySelector("[aria-invalid=true]");
      if (first instanceof HTMLElement) first.focus();
    });
  };

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const text = (name: string) => String(given.get(name) ?? "");
    const missing: Wrong = {};
    for (const name of ["name", "email", "subject", "body"]) {
      if (text(name).trim() === "") missing[`/${name}`] = strings.request.required;
    }
    if (missing["/email"] === undefined && !/^[^@\s]+@[^@\s]+$/.test(text("email").trim()))
      missing["/email"] = strings.request.badEmail;
    const custom: Record<string, unknown> = {};
    for (const field of form.fields) {
      const value = answerOf(field, given);
      if (value !== null) custom[field.id] = value;
      if (field.required && (value === null || value === false))
        missing[`/custom/${field.id}`] = strings.request.required;
    }
    setError(null);
    if (Object.keys(missing).length > 0) {
      point(missing);
      return;
    }
    setWrong({});
    if (!attached.ready()) return;
    setBusy(true);
    try {
      onTaken(
        await api.create({
          name: text("name").trim(),
          email: text("email").trim(),
          subject: text("subject").trim(),
          body: text("body"),
          custom,
          attachments: attached.ids,
          website: text("website"),
        }),
      );
    } catch (failure) {
      const problem = asProblem(failure);
      setBusy(false);
      if (attached.refused(problem)) return;
      const fields: Wrong = {};
      for (const { pointer, detail } of problem.fields) fields[pointer] = detail;
      if (fields["/website"] !== undefined) setError(strings.request.website);
      else if (Object.keys(fields).length > 0) point(fields);
      else setError(problemText(problem));
    }
  }

  return (
    <RequestFrame title={form.title} intro={form.intro}>
      <form
        ref={element}
        onSubmit={submit}
        {...attached.drop.target}
        onPaste={attached.drop.onPaste}
        noValidate
        className="flex flex-col gap-5 rounded-xl border bg-surface p-4 sm:p-6"
      >
        <div className="grid gap-5 sm:grid-cols-2">
          <TextField
            label={strings.request.name}
            name="name"
            autoComplete="name"
            maxLength={200}
            error={wrong["/name"] ?? null}
          />
          <TextField
            label={strings.request.email}
            name="email"
            type="email"
            autoComplete="email"
            maxLength={254}
            error={wrong["/email"] ?? null}
          />
        </div>
        <TextField
          label={strings.request.subject}
          name="subject"
          maxLength={300}
          autoComplete="off"
          error={wrong["/subject"] ?? null}
        />
        <TextArea
          label={strings.request.body}
          name="body"
          rows={8}
          maxLength={20_000}
          error={wrong["/body"] ?? null}
        />
        <FileField attached={attached} />
        {form.fields.map((field) => (
          <Answer key={field.id} field={field} error={wrong[`/custom/${field.id}`] ?? null} />
        ))}
        {/* People never come here, by sight, by keyboard or by screen reader. */}
        <div aria-hidden="true" className="absolute -left-[200vw] size-px overflow-hidden">
          <label>
            {strings.request.website}
            <input name="website" tabIndex={-1} autoComplete="off" />
          </label>
        </div>
        {error === null ? null : (
          <p role="alert" className="text-danger text-sm">
            {error}
          </p>
        )}
        <div className="flex justify-end">
          <Button type="submit" variant="primary" size="lg" disabled={busy}>
            {busy ? strings.request.sending : strings.request.submit}
          </Button>
        </div>
      </form>
    </RequestFrame>
  );
}

/** What was said about a field, as its kind; null for nothing. */
function answerOf(field: CustomField, given: FormData): unknown {
  const name = `custom.${field.id}`;
  if (field.kind === "checkbox") return given.get(name) === "on";
  const text = String(given.get(name) ?? "").trim();
  if (text === "") return null;
  if (field.kind !== "number") return text;
  const number = Number(text.replace(",", "."));
  return Number.isFinite(number) ? number : text;
}

function Answer({ field, error }: { field: CustomField; error: string | null }) {
  const label = field.required ? field.name : strings.request.optional(field.name);
  const name = `custom.${field.id}`;
  const id = useId();
  switch (field.kind) {
    case "choice":
      return (
        <SelectField
          label={label}
          name={name}
          defaultValue=""
          error={error}
          options={[
            { value: "", name: strings.request.choose },
            ...field.options.map((option) => ({ value: option, name: option })),
          ]}
        />
      );
    case "checkbox":
      return (
        <div className="flex flex-col gap-1.5">
          <label htmlFor={id} className="flex cursor-pointer items-start gap-2.5 text-sm">
            <input
              id={id}
              type="checkbox"
              name={name}
              aria-invalid={error === null ? undefined : true}
              aria-describedby={error === null ? undefined : `${id}-more`}
              className="mt-0.5 size-4 accent-accent"
            />
            {label}
          </label>
          {error === null ? null : (
            <p id={`${id}-more`} className="text-danger text-xs">
              {error}
            </p>
          )}
        </div>
      );
    default:
      return (
        <TextField
          label={label}
          name={name}
          type={field.kind === "date" ? "date" : "text"}
          inputMode={field.kind === "number" ? "decimal" : undefined}
          maxLength={2_000}
          error={error}
        />
      );
  }
}

function Taken({ taken, onAnother }: { taken: NewRequest; onAnother: () => void }) {
  const path = `/request#${taken.token}`;
  const address = useMemo(() => new URL(path, window.location.href).href, [path]);
  const [copied, setCopied] = useState(false);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <main className="flex h-full items-center justify-center overflow-y-auto bg-canvas p-4">
      <div className="flex w-full max-w-lg animate-fade flex-col gap-4 rounded-xl border bg-surface p-6">
        <CircleCheck className="size-8 text-good" aria-hidden="true" />
        <div className="flex flex-col gap-1">
          <h1 ref={heading} tabIndex={-1} className="font-semibold text-xl tracking-tight outline-none">
            {strings.request.taken}
          </h1>
          <p className="text-ink-2">{strings.request.number(taken.request.id)}</p>
        </div>
        <p className="text-ink-2">{strings.request.takenHint}</p>
        <p className="select-all break-all rounded-md bg-sunken px-3 py-2 font-mono text-xs">{address}</p>
        <div className="flex flex-wrap gap-2">
          <Link
            href={path}
            className="inline-flex h-10 items-center rounded-md bg-accent px-4 font-medium text-base text-on-accent hover:bg-accent-strong coarse:h-12"
          >
            {strings.request.follow}
          </Link>
          {navigator.clipboard === undefined ? null : (
            <Button
              size="lg"
              onClick={() => void navigator.clipboard.writeText(address).then(() => setCopied(true))}
            >
              <Copy className="size-4" />
              {copied ? strings.settings.copied : strings.requests.copyLink}
            </Button>
          )}
          <Button size="lg" variant="ghost" onClick={onAnother}>
            {strings.request.another}
          </Button>
        </div>
      </div>
    </main>
  );
}
