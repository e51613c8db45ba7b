/** Time and chance, passed in so that a test can hold both still. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Runs once after `delayMs`; the answer cancels it. */
  after(delayMs: number, run: () => void): Cancel;
  /** Uniform in [0, 1). */
  random(): number;
}

export type Cancel = () => void;

export const browserClock: Clock = {
  now: () => Date.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};
