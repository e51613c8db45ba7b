import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Download, Plus, X } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import { useLocation } from "wouter";
import { metricWords, figureWords as words } from "@/app/strings/figures";
import { Button } from "@/components/ui/button";
import { SelectField } from "@/components/ui/select-field";
import { TextField } from "@/components/ui/text-field";
import { About } from "@/desk/charts/about";
import { useDesk } from "@/desk/desk-context";
import { toast } from "@/desk/toast";
import type { Report, ReportCell } from "@/protocol/types";
import { downloads } from "@/sync/figures-api";
import { asProblem } from "@/sync/problem-error";
import { Behind } from "./behind";
import { counted, definitionOf, FIRST, LASTS, type Sketch, sketchOf } from "./definition";
import { Outcome } from "./outcome";
import { SaveReport } from "./save-report";

const TIMED = /_time$/;
const DIMENSIONS = Object.keys(words.report.dimensions) as (keyof typeof words.report.dimensions)[];
const GRAINS = Object.keys(words.report.grains) as (keyof typeof words.report.grains)[];

/** Builds a report, runs it, and keeps it. It is run as soon as it is opened. */
export function Builder({ report }: { report: Report | undefined }) {
  const { api, me } = useDesk();
  const queries = useQueryClient();
  const [, navigate] = useLocation();
  const [sketch, setSketch] = useState<Sketch>(() => (report ? sketchOf(report.definition) : FIRST));
  const [saving, setSaving] = useState(false);
  const [deleting, setDeleting] = useState(false);
  const [cell, setCell] = useState<{ cell: ReportCell; title: string } | null>(null);
  const metrics = useQuery({
    queryKey: ["metrics"],
    queryFn: () => api.figures.metrics(),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const run = useMutation({ mutationFn: (asked: Sketch) => api.figures.run(definitionOf(asked)) });
  const start = run.mutate;
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each report that is opened
  useEffect(() => {
    start(sketch);
  }, [report?.id]);
  const remove = useMutation({
    mutationFn: (id: string) => api.figures.removeReport(id),
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: ["reports"] });
      toast(words.report.deletedToast);
      navigate("/reports");
    },
  });

  const set = (change: Partial<Sketch>) => setSketch((was) => ({ ...was, ...change }));
  const definition = useMemo(() => definitionOf(sketch), [sketch]);
  const problem = run.error === null ? null : asProblem(run.error);
  const wrong = (pointer: string) =>
    problem?.fields.find((field) => field.pointer === pointer || field.pointer.startsWith(`${pointer}/`))
      ?.detail ?? null;
  const writes = me.permissions.includes("reports_write");
  const owns = report !== undefined && (report.owner === me.id || me.permissions.includes("settings_write"));
  const splits = [
    { value: "", name: words.report.noSplit },
    ...DIMENSIONS.map((value) => ({ value, name: words.report.dimensions[value] })),
  ];
  const free = DIMENSIONS.find((name) => sketch.filter.every((one) => one.dimension !== name));

  return (
    <div className="mx-auto flex max-w-[100rem] flex-col gap-4">
      <form
        aria-label={report?.name ?? words.report.untitled}
        className="flex flex-col gap-4 rounded-xl border bg-surface p-4 md:p-5"
        onSubmit={(event) => {
          event.preventDefault();
          setCell(null);
          start(sketch);
        }}
      >
        <header className="flex flex-wrap items-center gap-2">
          <div className="min-w-0 flex-1">
            <h2 className="truncate font-semibold text-lg tracking-tight">
              {report?.name ?? words.report.untitled}
            </h2>
            {report === undefined ? <p className="text-ink-3 text-sm">{words.report.intro}</p> : null}
          </div>
          {owns ? (
            <Button variant="danger" size="sm" onClick={() => setDeleting(true)}>
              {words.report.delete}
            </Button>
          ) : null}
          {writes ? (
            <Button size="sm" onClick={() => setSaving(true)}>
              {owns ? words.report.save : words.report.saveAs}
            </Button>
          ) : null}
        </header>
        {deleting && report !== undefined ? (
          <div
            role="alert"
            className="flex flex-wrap items-center gap-3 rounded-lg bg-danger-soft px-3 py-2 text-sm"
          >
            <p className="flex-1">
              {words.report.deleteSure(report.name)}{" "}
              <span className="text-ink-2">{words.report.deleteHint}</span>
            </p>
            <Button size="sm" onClick={() => setDeleting(false)}>
              {words.report.keep}
            </Button>
            <Button
              variant="danger"
              size="sm"
              disabled={remove.isPending}
              onClick={() => remove.mutate(report.id)}
            >
              {words.report.delete}
            </Button>
          </div>
        ) : null}
        <div className="grid gap-x-4 gap-y-3 sm:grid-cols-2 lg:grid-cols-3 xl:grid-cols-[repeat(auto-fit,minmax(8.5rem,1fr))]">
          <div className="relative">
            <SelectField
              label={words.report.measure}
              value={sketch.measure}
              onChange={(event) => set({ measure: event.target.value })}
              options={(metrics.data?.data ?? [{ id: sketch.measure }]).map(({ id }) => ({
                value: id,
                name: metricWords(id)[0],
              }))}
            />
            <span className="absolute top-0 right-0">
              <About metric={sketch.measure} />
            </span>
          </div>
          <SelectField
            label={words.report.split}
            value={sketch.split[0]}
            onChange={(event) => set({ split: [event.target.value, sketch.split[1]] })}
            options={splits}
          />
          <SelectField
            label={words.report.andBy}
            value={sketch.split[1]}
            disabled={sketch.split[0] === ""}
            onChange={(event) => set({ split: [sketch.split[0], event.target.value] })}
            options={splits.filter((one) => one.value !== sketch.split[0] || one.value === "")}
          />
          <SelectField
            label={words.report.grain}
            value={sketch.grain}
            onChange={(event) => set({ grain: event.target.value })}
            options={[
              { value: "", name: words.report.wholeRange },
              ...GRAINS.map((value) => ({ value, name: words.report.grains[value] })),
            ]}
          />
          <SelectField
            label={words.range}
            value={sketch.last}
            onChange={(event) => set({ last: event.target.value })}
            options={[
              ...LASTS.map((value) => ({ value, name: words.ranges[value] })),
              ...(sketch.last !== "" && !LASTS.some((one) => one === sketch.last)
                ? [{ value: sketch.last, name: sketch.last }]
                : []),
              { value: "", name: words.report.custom },
            ]}
          />
          {sketch.last === "" ? (
            <>
              <TextField
                label={words.report.from}
                type="date"
                required
                value={sketch.from}
                onChange={(event) => set({ from: event.target.value })}
                error={wrong("/from")}
              />
              <TextField
                label={words.report.to}
                type="date"
                value={sketch.to}
                onChange={(event) => set({ to: event.target.value })}
                error={wrong("/to")}
              />
            </>
          ) : null}
          {TIMED.test(sketch.measure) ? (
            <SelectField
              label={words.clock}
              value={sketch.clock}
              onChange={(event) =>
                set({ clock: event.target.value === "business" ? "business" : "calendar" })
              }
              options={(["calendar", "business"] as const).map((value) => ({
                value,
                name: words.clocks[value],
              }))}
            />
          ) : null}
        </div>
        {sketch.filter.map((one, index) => {
          const name = words.report.dimensions[one.dimension as keyof typeof words.report.dimensions];
          const change = (part: Partial<typeof one>) =>
            set({ filter: sketch.filter.map((other, at) => (at === index ? { ...other, ...part } : other)) });
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: a filter is where it stands
            <div key={index} className="flex items-end gap-2">
              <div className="w-40 shrink-0">
                <SelectField
                  label={words.report.filter}
                  value={one.dimension}
                  onChange={(event) => change({ dimension: event.target.value })}
                  options={DIMENSIONS.map((value) => ({ value, name: words.report.dimensions[value] }))}
                />
              </div>
              <div className="min-w-0 flex-1">
                <TextField
                  label={words.report.filterValues(name)}
                  value={one.values}
                  onChange={(event) => change({ values: event.target.value })}
                  error={wrong(`/filter/${one.dimension}`)}
                />
              </div>
              <Button
                variant="ghost"
                size="icon"
                className="mb-1.5"
                aria-label={words.report.removeFilter(name)}
                onClick={() => set({ filter: sketch.filter.filter((_, at) => at !== index) })}
              >
                <X className="size-4" />
              </Button>
            </div>
          );
        })}
        {problem !== null ? (
          <div role="alert" className="rounded-lg bg-danger-soft px-3 py-2 text-sm">
            <p className="font-medium">
              {problem.code === "invalid_field" ? words.report.wrong : words.failed}
            </p>
            {problem.fields.map((field) => (
              <p key={field.pointer} className="text-ink-2">
                {field.detail}
              </p>
            ))}
            {problem.code === "unavailable" ? <p className="text-ink-2">{words.counting}</p> : null}
          </div>
        ) : null}
        <footer className="flex flex-wrap items-center gap-2">
          <Button type="submit" variant="primary" disabled={run.isPending}>
            {run.isPending ? words.report.running : words.report.run}
          </Button>
          {free === undefined ? null : (
            <Button
              variant="ghost"
              onClick={() => set({ filter: [...sketch.filter, { dimension: free, values: "" }] })}
            >
              <Plus className="size-4" aria-hidden="true" />
              {words.report.addFilter}
            </Button>
          )}
          {report === undefined ? null : (
            <a
              href={downloads.report(report.id)}
              download
              title={words.report.csvHint}
              className="ml-auto inline-flex h-8 items-center gap-2 rounded-md border border-line-strong px-3 font-medium text-sm hover:bg-hover coarse:h-11"
            >
              <Download className="size-4" aria-hidden="true" />
              {words.report.csv}
            </a>
          )}
        </footer>
      </form>
      {run.data === undefined ? null : (
        <Outcome result={run.data} onLook={(wanted, title) => setCell({ cell: wanted, title })} />
      )}
      {cell === null || run.data === undefined ? null : (
        <Behind
          definition={counted(definitionOf(run.variables), run.data)}
          cell={cell.cell}
          title={cell.title}
          onClose={() => setCell(null)}
        />
      )}
      {saving ? (
        <SaveReport
          report={owns ? report : undefined}
          definition={definition}
          onClose={() => setSaving(false)}
          onSaved={(kept) => {
            setSaving(false);
            toast(words.report.savedToast);
            void queries.invalidateQueries({ queryKey: ["reports"] });
            navigate(`/reports/${kept.id}`);
          }}
        />
      ) : null}
    </div>
  );
}
