import { useMutation, useQuery } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { useState } from "react";
import { figureWords as words } from "@/app/strings/figures";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import { Checkbox } from "@/components/ui/checkbox";
import { Dialog } from "@/components/ui/dialog";
import { SelectField } from "@/components/ui/select-field";
import { TextField } from "@/components/ui/text-field";
import { useDesk } from "@/desk/desk-context";
import { bytes, dateAndTime } from "@/desk/format-time";
import { newId } from "@/desk/new-id";
import type { Report, ReportDefinition, ReportSchedule } from "@/protocol/types";
import { downloads } from "@/sync/figures-api";
import { asProblem } from "@/sync/problem-error";

const EVERY = ["day", "week", "month"] as const;

/** Keeps a report, and says who sees it and whether it runs by itself. */
export function SaveReport({
  report,
  definition,
  onClose,
  onSaved,
}: {
  /** The one that is changed; a new one if there is none. */
  report: Report | undefined;
  definition: ReportDefinition;
  onClose: () => void;
  onSaved: (report: Report) => void;
}) {
  const { api } = useDesk();
  const [key] = useState(newId);
  const [name, setName] = useState(report?.name ?? "");
  const [shared, setShared] = useState(report?.shared ?? false);
  const [every, setEvery] = useState<string>(report?.schedule?.every ?? "");
  const [at, setAt] = useState(report?.schedule?.at ?? "07:00");
  const [format, setFormat] = useState<ReportSchedule["format"]>(report?.schedule?.format ?? "csv");
  const save = useMutation({
    mutationFn: () => {
      const chosen = EVERY.find((one) => one === every);
      const schedule = chosen === undefined ? null : { every: chosen, at, format };
      return report === undefined
        ? api.figures.saveReport({ name, definition, shared, ...(schedule ? { schedule } : {}) }, key)
        : api.figures.updateReport(report.id, { name, definition, shared, schedule });
    },
    onSuccess: onSaved,
  });
  const problem = save.error === null ? null : asProblem(save.error);
  const wrong = (pointer: string) =>
    problem?.fields.find((field) => field.pointer === pointer)?.detail ?? null;
  const elsewhere = problem?.fields.every(
    (field) => field.pointer !== "/name" && field.pointer !== "/schedule/at",
  );
  return (
    <Dialog open onOpenChange={(open) => (open ? undefined : onClose())} title={words.report.saveTitle}>
      <form
        className="scroll-thin flex flex-col gap-4 overflow-y-auto px-4 pb-4"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <TextField
          label={words.report.name}
          value={name}
          required
          maxLength={200}
          onChange={(event) => setName(event.target.value)}
          error={wrong("/name")}
        />
        {/* biome-ignore lint/a11y/noLabelWithoutControl: the checkbox within names itself */}
        <label className="flex items-center gap-2 text-sm">
          <Checkbox
            label={words.report.shared}
            checked={shared}
            onChange={(event) => setShared(event.target.checked)}
          />
          <span aria-hidden="true">{words.report.shared}</span>
        </label>
        <div className="grid gap-3 sm:grid-cols-3">
          <SelectField
            label={words.report.schedule}
            value={every}
            onChange={(event) => setEvery(event.target.value)}
            options={[
              { value: "", name: words.report.never },
              ...EVERY.map((value) => ({ value, name: words.report.every[value] })),
            ]}
          />
          {every === "" ? null : (
            <>
              <TextField
                label={words.report.at}
                type="time"
                required
                value={at}
                onChange={(event) => setAt(event.target.value)}
                error={wrong("/schedule/at")}
              />
              <SelectField
                label={words.report.format}
                value={format}
                onChange={(event) => setFormat(event.target.value === "json" ? "json" : "csv")}
                options={[
                  { value: "csv", name: words.report.csv },
                  { value: "json", name: words.report.json },
                ]}
              />
            </>
          )}
        </div>
        {report?.schedule ? <Files report={report.id} /> : null}
        {elsewhere && problem ? (
          <p role="alert" className="text-danger text-sm">
            {problem.fields[0]?.detail ?? strings.problems.codes[problem.code] ?? words.report.wrong}
          </p>
        ) : null}
        <footer className="flex justify-end gap-2">
          <Button onClick={onClose}>{strings.nav.close}</Button>
          <Button type="submit" variant="primary" disabled={save.isPending}>
            {words.report.save}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

function Files({ report }: { report: string }) {
  const { api } = useDesk();
  const asked = useQuery({ queryKey: ["report-files", report], queryFn: () => api.figures.files(report) });
  if (asked.data === undefined) return null;
  return (
    <section aria-label={words.report.files}>
      <h3 className="font-medium text-ink-2 text-sm">{words.report.files}</h3>
      <p className="text-ink-3 text-xs">
        {asked.data.length === 0 ? words.report.noFiles : words.report.filesHint}
      </p>
      <ul className="scroll-thin mt-1 max-h-40 overflow-y-auto">
        {asked.data.map((file) => (
          <li key={file.at}>
            <a
              href={downloads.file(report, file.at)}
              download
              className="flex h-8 items-center gap-2 rounded-md px-2 text-sm hover:bg-hover coarse:h-11"
            >
              <Download className="size-3.5 text-ink-3" aria-hidden="true" />
              <span className="flex-1 tabular-nums">{dateAndTime(file.at, Date.now())}</span>
              <span className="text-ink-3 text-xs uppercase">{file.format}</span>
              <span className="text-ink-3 text-xs tabular-nums">{bytes(file.bytes)}</span>
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}
