const MOST = 5;
const MESSAGE_CHARS = 500;
const STACK_CHARS = 4_000;

/** Which build this is: its entry's name carries its hash. */
const BUILD = new URL(import.meta.url).pathname.split("/").at(-1) ?? "";

const told = new Set<string>();

/**
 * Tells the server what broke here: what and where in the code, never what stood on the screen. Each once, a few at most;
 * if it cannot be told, that is not a second error.
 */
export function reportError(error: unknown, send: typeof fetch = fetch): void {
  const { message, stack } = error instanceof Error ? error : { message: String(error), stack: undefined };
  if (told.has(message) || told.size >= MOST) return;
  told.add(message);
  const report = {
    message: message.slice(0, MESSAGE_CHARS),
    place: window.location.pathname,
    build: BUILD,
    ...(stack === undefined ? {} : { stack: stack.slice(0, STACK_CHARS) }),
  };
  send("/api/v1/client-errors", {
    method: "POST",
    credentials: "same-origin",
    keepalive: true,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(report),
  }).catch(() => {});
}

/** Also what no part of the screen catches. */
export function reportUncaught(): void {
  window.addEventListener("error", (event) => reportError(event.error ?? event.message));
  window.addEventListener("unhandledrejection", (event) => reportError(event.reason));
}
