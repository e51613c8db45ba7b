import { describe, expect, test } from "vitest";
import type { TicketRecord } from "@/protocol/types";
import { recordsAfter, seqAt } from "./history";
import { record } from "./testing/tickets";

const START = Date.UTC(2026, 0, 5);
const journal = Array.from({ length: 2_500 }, (_, index) =>
  record(index + 1, 1, index + 1, {}, { at: new Date(START + index * 1_000).toISOString() }),
);

function reader() {
  let calls = 0;
  return {
    calls: () => calls,
    events: async ({ after, limit = 1_000 }: { after: number; limit?: number }) => {
      calls += 1;
      const records = journal.slice(after, after + limit);
      return { epoch: "e1", records, next_after: after + records.length };
    },
  };
}

describe("C49: reading the past", () => {
  test("finds a moment's place in few questions", async () => {
    const api = reader();
    expect(await seqAt(api, START + 1_234_500, 2_500)).toBe(1_235);
    expect(api.calls()).toBeLessThan(14);
    expect(await seqAt(api, START - 1, 2_500)).toBe(0);
    expect(await seqAt(api, START + 9_999_999, 2_500)).toBe(2_500);
  });

  test("reads on page by page to the end", async () => {
    const read: TicketRecord[] = [];
    for await (const page of recordsAfter(reader(), 400)) read.push(...page);
    expect(read.map((one) => one.seq)).toEqual(journal.slice(400).map((one) => one.seq));
  });
});
