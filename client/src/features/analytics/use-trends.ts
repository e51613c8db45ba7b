import { useQuery } from "@tanstack/react-query";
import { about } from "@/desk/charts/figure-text";
import { useDesk } from "@/desk/desk-context";
import { number } from "@/desk/format-time";

/** The server counts them anew no sooner. */
const AGAIN_MS = 30_000;

/** What is unusual and what is to come. */
export function useTrends() {
  const { api } = useDesk();
  return useQuery({ queryKey: ["trends"], queryFn: () => api.figures.trends(), refetchInterval: AGAIN_MS });
}

/** A sum that was foreseen: parts of one are told only where there is less than one. */
export function rounded(sum: number): string {
  return sum < 1 ? about(sum) : number(Math.round(sum));
}
