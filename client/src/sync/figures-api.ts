import type {
  DrillDown,
  ErrorGroup,
  LiveFigures,
  MetricList,
  NewReport,
  Operations,
  Page,
  Report,
  ReportDefinition,
  ReportFile,
  ReportResult,
  ReportTickets,
  Series,
  Trends,
  UpdateReport,
} from "@/protocol/types";

/** The calls about figures. They reject with a `ProblemError`, as all do. */
export interface FiguresApi {
  live(): Promise<LiveFigures>;
  metrics(): Promise<MetricList>;
  series(query: URLSearchParams): Promise<Series>;
  trends(): Promise<Trends>;
  run(definition: ReportDefinition): Promise<ReportResult>;
  behind(cell: DrillDown): Promise<ReportTickets>;
  reports(): Promise<Report[]>;
  saveReport(report: NewReport, key: string): Promise<Report>;
  updateReport(id: string, change: UpdateReport): Promise<Report>;
  removeReport(id: string): Promise<void>;
  files(id: string): Promise<ReportFile[]>;
  operations(): Promise<Operations>;
  errors(): Promise<ErrorGroup[]>;
}

type Call = <T>(method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<T>;

export function figuresApi(call: Call): FiguresApi {
  const at = (id: string) => `/reports/${encodeURIComponent(id)}`;
  return {
    live: () => call("GET", "/analytics/live"),
    metrics: () => call("GET", "/analytics/metrics"),
    series: (query) => call("GET", `/analytics/series?${query}`),
    trends: () => call("GET", "/analytics/trends"),
    run: (definition) => call("POST", "/reports/preview", definition),
    behind: (cell) => call("POST", "/reports/preview/tickets", cell),
    reports: async () => (await call<Page<Report>>("GET", "/reports")).data,
    saveReport: (report, key) => call("POST", "/reports", report, { "idempotency-key": key }),
    updateReport: (id, change) => call("PATCH", at(id), change),
    removeReport: (id) => call("DELETE", at(id)),
    files: async (id) => (await call<Page<ReportFile>>("GET", `${at(id)}/files`)).data,
    operations: () => call("GET", "/operations"),
    errors: async () => (await call<{ data: ErrorGroup[] }>("GET", "/operations/errors")).data,
  };
}

/** Where a saved report, or a file that it left, is fetched from as a download. */
export const downloads = {
  report: (id: string) => `/api/v1/reports/${encodeURIComponent(id)}/run?format=csv`,
  file: (id: string, at: string) =>
    `/api/v1/reports/${encodeURIComponent(id)}/file?at=${encodeURIComponent(at)}`,
};
