import { expect, test } from "vitest";
import { ManualClock } from "@/sync/testing/manual-clock";
import { Usage } from "./usage";

test("O37: what is used is told as sums, now and then, and not at all where the desk does not want it", async () => {
  const clock = new ManualClock();
  const told: Record<string, number>[] = [];
  const usage = new Usage((counts) => told.push(counts), clock);
  usage.count("screen", "board");
  usage.count("key", "Claim next!");
  usage.count("screen", "board");
  expect(told).toEqual([]);
  await clock.advance(300_000);
  expect(told).toEqual([{ "screen:board": 2, "key:claim-next-": 1 }]);
  usage.flush();
  expect(told).toHaveLength(1);
  usage.count("command", "claim");
  usage.flush();
  expect(told[1]).toEqual({ "command:claim": 1 });

  const off = new Usage(null, clock);
  off.count("screen", "board");
  await clock.advance(300_000);
  off.flush();
  expect(told).toHaveLength(2);
});
