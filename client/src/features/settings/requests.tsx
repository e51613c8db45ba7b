import { useQuery, useQueryClient } from "@tanstack/react-query";
import { ArrowDown, ArrowUp, ExternalLink, X } from "lucide-react";
import { type FormEvent, useState } from "react";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import { CheckField } from "@/components/ui/check-field";
import { Notice } from "@/components/ui/notice";
import { SelectField } from "@/components/ui/select-field";
import { TextArea } from "@/components/ui/text-area";
import { TextField } from "@/components/ui/text-field";
import { useDesk } from "@/desk/desk-context";
import { problemText } from "@/desk/refusal-text";
import { toast } from "@/desk/toast";
import type { CustomField, CustomFieldKind, DeskSettings, DeskSettingsView } from "@/protocol/types";
import { asProblem } from "@/sync/problem-error";

const KINDS: CustomFieldKind[] = ["text", "number", "choice", "checkbox", "date"];

/** The desk's settings, kept by an administrator who may not be the only one. */
function useSettings() {
  const { api } = useDesk();
  return useQuery({ queryKey: ["settings"], queryFn: () => api.settings() });
}

function useSave(view: DeskSettingsView) {
  const { api } = useDesk();
  const queries = useQueryClient();
  const [wrong, setWrong] = useState<Record<string, string>>({});
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const save = async (settings: DeskSettings) => {
    setBusy(true);
    setError(null);
    setWrong({});
    try {
      queries.setQueryData(["settings"], await api.putSettings(settings, view.version));
      toast(strings.settings.saved);
    } catch (failure) {
      const problem = asProblem(failure);
      const fields: Record<string, string> = {};
      for (const { pointer, detail } of problem.fields) fields[pointer] = detail;
      setWrong(fields);
      if (Object.keys(fields).length === 0) setError(problemText(problem));
      if (problem.code === "version_conflict") void queries.invalidateQueries({ queryKey: ["settings"] });
    } finally {
      setBusy(false);
    }
  };
  return { save, wrong, error, busy };
}

function Settings({ children }: { children: (view: DeskSettingsView) => React.ReactNode }) {
  const settings = useSettings();
  if (settings.error !== null) {
    const problem = asProblem(settings.error);
    return (
      <Notice
        alert
        title={strings.settings.settingsFailed}
        hint={problemText(problem)}
        action={<Button onClick={() => void settings.refetch()}>{strings.list.retry}</Button>}
      />
    );
  }
  // Another version is another form: what somebody else saved is not overwritten unseen.
  return settings.data === undefined ? null : (
    <div key={settings.data.version} className="contents">
      {children(settings.data)}
    </div>
  );
}

export function RequestFormSettings() {
  return <Settings>{(view) => <RequestForm view={view} />}</Settings>;
}

function RequestForm({ view }: { view: DeskSettingsView }) {
  const { info } = useDesk();
  const [form, setForm] = useState(view.settings.request_form);
  const { save, wrong, error, busy } = useSave(view);
  const address = new URL("/request/new", window.location.href).href;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void save({ ...view.settings, request_form: form });
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-5">
      <CheckField
        label={strings.requests.open}
        checked={form.open}
        onChange={(open) => setForm({ ...form, open })}
      />
      <p className="-mt-2 text-ink-3 text-sm">
        {strings.requests.where}{" "}
        <a
          href={address}
          target="_blank"
          rel="noreferrer"
          className="inline-flex items-center gap-1 break-all text-accent underline underline-offset-2"
        >
          {address}
          <ExternalLink className="size-3.5 shrink-0" aria-hidden="true" />
        </a>
      </p>
      <TextField
        label={strings.requests.formTitle}
        placeholder={info.name}
        value={form.title}
        onChange={(event) => setForm({ ...form, title: event.target.value })}
        error={wrong["/request_form/title"] ?? null}
        maxLength={100}
      />
      <TextArea
        label={strings.requests.intro}
        rows={3}
        value={form.intro}
        maxLength={2000}
        onChange={(event) => setForm({ ...form, intro: event.target.value })}
        error={wrong["/request_form/intro"] ?? null}
      />
      <SelectField
        label={strings.requests.team}
        value={form.team ?? ""}
        onChange={(event) => setForm({ ...form, team: event.target.value || null })}
        options={[
          { value: "", name: strings.list.noTeam },
          ...info.teams.map((team) => ({ value: team.id, name: team.name })),
        ]}
      />
      <Refused error={error} />
      <div>
        <Button type="submit" variant="primary" disabled={busy}>
          {strings.settings.save}
        </Button>
      </div>
    </form>
  );
}

export function FieldSettings() {
  return <Settings>{(view) => <Fields view={view} />}</Settings>;
}

/** An id that reads like the name; the number keeps two of one name apart. */
function idFor(name: string, taken: readonly string[]): string {
  const plain =
    name
      .normalize("NFD")
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "_")
      .replace(/^_+|_+$/g, "")
      .slice(0, 50) || "field";
  let id = plain;
  for (let turn = 2; taken.includes(id); turn += 1) id = `${plain}_${turn}`;
  return id;
}

function Fields({ view }: { view: DeskSettingsView }) {
  const [fields, setFields] = useState(view.settings.custom_fields);
  const { save, wrong, error, busy } = useSave(view);
  const known = new Set(view.settings.custom_fields.map((field) => field.id));
  const change = (at: number, with_: Partial<CustomField>) =>
    setFields(fields.map((field, place) => (place === at ? { ...field, ...with_ } : field)));
  const move = (at: number, by: number) => {
    const next = [...fields];
    const [moved] = next.splice(at, 1);
    if (moved !== undefined) next.splice(at + by, 0, moved);
    setFields(next);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    // Only a field that is new takes its id from its name: tickets have the others already.
    const taken: string[] = [...known];
    const named = fields.map((field) => {
      if (known.has(field.id)) return field;
      const id = idFor(field.name, taken);
      taken.push(id);
      return { ...field, id };
    });
    void save({ ...view.settings, custom_fields: named });
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-5">
      {fields.length === 0 ? <p className="text-ink-3 text-sm">{strings.requests.noFields}</p> : null}
      <ol aria-label={strings.settings.sections.fields} className="flex flex-col gap-3">
        {fields.map((field, at) => (
          <li key={field.id} className="relative flex flex-col gap-3 rounded-lg border p-3">
            <div className="grid gap-3 sm:grid-cols-[1fr_10rem_auto] sm:items-end">
              <TextField
                label={strings.requests.fieldName}
                value={field.name}
                onChange={(event) => change(at, { name: event.target.value })}
                error={wrong[`/custom_fields/${at}/name`] ?? null}
                maxLength={100}
              />
              <SelectField
                label={strings.requests.kind}
                value={field.kind}
                onChange={(event) => change(at, { kind: event.target.value as CustomFieldKind, options: [] })}
                options={KINDS.map((kind) => ({ value: kind, name: strings.requests.kinds[kind] }))}
              />
              <span className="absolute top-1 right-1 flex items-center justify-end sm:static sm:h-10">
                <Button
                  variant="ghost"
                  size="icon"
                  aria-label={strings.requests.up(field.name)}
                  disabled={at === 0}
                  onClick={() => move(at, -1)}
                >
                  <ArrowUp className="size-4" />
                </Button>
                <Button
                  variant="ghost"
                  size="icon"
                  aria-label={strings.requests.down(field.name)}
                  disabled={at === fields.length - 1}
                  onClick={() => move(at, 1)}
                >
                  <ArrowDown className="size-4" />
                </Button>
                <Button
                  variant="ghost"
                  size="icon"
                  aria-label={strings.requests.removeField(field.name)}
                  onClick={() => setFields(fields.filter((_, place) => place !== at))}
                >
                  <X className="size-4" />
                </Button>
              </span>
            </div>
            {field.kind === "choice" ? (
              <TextArea
                label={strings.requests.options}
                hint={strings.requests.optionsHint}
                error={wrong[`/custom_fields/${at}/options`] ?? null}
                rows={3}
                value={field.options.join("\n")}
                onChange={(event) => change(at, { options: event.target.value.split("\n") })}
                onBlur={() =>
                  change(at, { options: field.options.map((one) => one.trim()).filter((one) => one !== "") })
                }
              />
            ) : null}
            <div className="flex flex-wrap gap-x-6 gap-y-2">
              <CheckField
                label={strings.requests.onForm}
                checked={field.on_form}
                onChange={(on_form) => change(at, { on_form, required: on_form && field.required })}
              />
              <CheckField
                label={strings.requests.required}
                checked={field.required}
                disabled={!field.on_form}
                onChange={(required) => change(at, { required })}
              />
            </div>
          </li>
        ))}
      </ol>
      <Refused error={error} />
      <div className="flex gap-2">
        <Button
          onClick={() =>
            setFields([
              ...fields,
              {
                id: `new_${fields.length}_${Date.now()}`,
                name: "",
                kind: "text",
                options: [],
                on_form: true,
                required: false,
              },
            ])
          }
        >
          {strings.requests.addField}
        </Button>
        <Button
          type="submit"
          variant="primary"
          disabled={busy || fields.some((field) => field.name.trim() === "")}
        >
          {strings.settings.save}
        </Button>
      </div>
    </form>
  );
}

function Refused({ error }: { error: string | null }) {
  if (error === null) return null;
  return (
    <p role="alert" className="text-danger text-sm">
      {error}
    </p>
  );
}
