import { describe, expect, test } from "vitest";
import { ManualClock } from "@/sync/testing/manual-clock";
import { NewBuild } from "./new-build";

function stage(own: string | null, builds: (string | null | Error)[]) {
  const clock = new ManualClock();
  const seen = { reloads: 0, asked: 0, quiet: false };
  const watch = new NewBuild(
    own,
    {
      ask: async () => {
        seen.asked += 1;
        const build = builds.shift();
        if (build instanceof Error) throw build;
        return build ?? null;
      },
      quiet: () => seen.quiet,
      reload: () => {
        seen.reloads += 1;
      },
    },
    clock,
  );
  return { clock, seen, watch };
}

describe("O35: a new build", () => {
  test("is noticed when the line opens again, and loaded at a quiet moment only", async () => {
    const { clock, seen, watch } = stage("a", ["a", new Error("away"), "b"]);
    await watch.lineOpened();
    await watch.lineOpened();
    expect(watch.waiting.get()).toBe(false);
    await watch.lineOpened();
    expect(watch.waiting.get()).toBe(true);
    await clock.advance(60_000);
    expect(seen.reloads).toBe(0);
    seen.quiet = true;
    await clock.advance(1_000);
    expect(seen.reloads).toBe(1);
    await watch.lineOpened();
    expect(seen.asked).toBe(3);
  });

  test("is none where the server does not say what it runs", async () => {
    const { seen, watch } = stage(null, ["b"]);
    await watch.lineOpened();
    expect(seen.asked).toBe(0);
    const other = stage("a", [null]);
    other.seen.quiet = true;
    await other.watch.lineOpened();
    expect(other.seen.reloads).toBe(0);
  });

  test("is not waited for any more once the desk is left", async () => {
    const { clock, seen, watch } = stage("a", ["b"]);
    await watch.lineOpened();
    watch.leave();
    seen.quiet = true;
    await clock.advance(10_000);
    expect(seen.reloads).toBe(0);
  });
});
