import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import type { QueueView } from "@/protocol/types";
import { useDesk } from "./desk-context";

const LIMIT = 100;
/** The queue is asked again at most this often while the desk moves. */
const SETTLE_MS = 2_000;
const IDLE_MS = 20_000;

const EFFECTIVE = ["status", "assignee", "priority", "team", "category", "snoozed_until", "sla"];

/** The queue as the server will hand it out: its order is the server's alone, so it is asked, not guessed. */
export function useQueue() {
  const { api, sync } = useDesk();
  const queries = useQueryClient();
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = sync.records.subscribe((record) => {
      if (timer !== undefined || !EFFECTIVE.some((field) => field in record.patch)) return;
      timer = setTimeout(() => {
        timer = undefined;
        void queries.invalidateQueries({ queryKey: ["queue"] });
      }, SETTLE_MS);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [sync, queries]);
  return useQuery<QueueView>({
    queryKey: ["queue"],
    queryFn: () => api.queue(LIMIT),
    staleTime: SETTLE_MS,
    refetchInterval: IDLE_MS,
  });
}
