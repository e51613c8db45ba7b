import { useQuery } from "@tanstack/react-query";
import { useEffect, useSyncExternalStore } from "react";
import type { LiveFigures } from "@/protocol/types";
import { useDesk } from "./desk-context";

/** Where no socket can be had, the figures are asked for this often. */
const ASK_EVERY_MS = 5_000;

/** The live figures: by the topic, which sends all of them first; by calls where there is none. */
export function useLiveFigures(): { figures: LiveFigures | null; error: unknown; retry: () => void } {
  const { sync, api, mode } = useDesk();
  const { figuresOf } = sync;
  useEffect(() => figuresOf.watch(), [figuresOf]);
  const figures = useSyncExternalStore(figuresOf.state.subscribe, figuresOf.state.get);
  const transport = useSyncExternalStore(mode.subscribe, mode.get);
  // The first answer comes by a call too: a topic's may take a second.
  const asked = useQuery({
    queryKey: ["figures", "live"],
    queryFn: () => api.figures.live(),
    refetchInterval: transport === "socket" ? false : ASK_EVERY_MS,
    gcTime: 0,
  });
  const told = asked.data;
  useEffect(() => {
    if (told !== undefined) figuresOf.told(told);
  }, [told, figuresOf]);
  return {
    figures: figures ?? told ?? null,
    error: figures === null ? asked.error : null,
    retry: () => void asked.refetch(),
  };
}
