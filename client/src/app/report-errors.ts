/** Tells the desk what went wrong in this browser: each thing once, and not more than a few. */
const MOST = 10;

export interface Report {
  message: string;
  place: string;
  build: string;
  stack?: string;
}

export type Tell = (report: Report) => void;

export class ErrorReports {
  readonly #tell: Tell;
  readonly #place: () => string;
  readonly #told = new Set<string>();
  build = "";

  constructor(tell: Tell, place: () => string) {
    this.#tell = tell;
    this.#place = place;
  }

  note(error: unknown): void {
    const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    const stack = error instanceof Error ? error.stack : undefined;
    const key = `${message}\n${stack ?? ""}`;
    if (this.#told.has(key) || this.#told.size >= MOST) return;
    this.#told.add(key);
    this.#tell({
      message: message.slice(0, 300),
      place: this.#place(),
      build: this.build,
      ...(stack === undefined ? {} : { stack: stack.slice(0, 4_000) }),
    });
  }
}

/** Of this page. Signed out there is nobody to tell: the server refuses, and that is all. */
export const errorReports = new ErrorReports(
  (report) => {
    void fetch("/api/v1/client-errors", {
      method: "POST",
      credentials: "same-origin",
      keepalive: true,
      headers: { "content-type": "application/json" },
      body: JSON.stringify(report),
    }).catch(() => {});
  },
  () => window.location.pathname,
);

export function watchErrors(): void {
  window.addEventListener("error", (event) => errorReports.note(event.error ?? event.message));
  window.addEventListener("unhandledrejection", (event) => errorReports.note(event.reason));
}
