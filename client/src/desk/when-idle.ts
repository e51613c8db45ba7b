const AFTER_MS = 300;

let idle: Promise<void> | null = null;

/** A moment after the first screen: what it can do without must not stand in its way. */
export function whenIdle(): Promise<void> {
  idle ??= new Promise((done) => setTimeout(done, AFTER_MS));
  return idle;
}
