import type { TicketRecord } from "@/protocol/types";
import type { Api } from "./api";

const PAGE = 1_000;

type Reader = Pick<Api, "events">;

/**
 * The last seq at or before a moment, by halving: some twenty small questions, however long the history. `head` is a seq
 * that is known to be there.
 */
export async function seqAt(api: Reader, at: number, head: number): Promise<number> {
  let before = 0;
  let after = head + 1;
  while (after - before > 1) {
    const middle = (before + after) >>> 1;
    const { records } = await api.events({ after: middle - 1, limit: 1 });
    const [record] = records;
    if (record !== undefined && Date.parse(record.at) <= at) before = Math.max(record.seq, middle);
    else after = middle;
  }
  return before;
}

/** Every record after `after`, page by page. Ends early when `go` says so. */
export async function* recordsAfter(
  api: Reader,
  after: number,
  go: () => boolean = () => true,
): AsyncGenerator<TicketRecord[]> {
  let place = after;
  while (go()) {
    const { records, next_after } = await api.events({ after: place, limit: PAGE });
    if (records.length > 0) yield records;
    if (records.length < PAGE) return;
    place = next_after;
  }
}
