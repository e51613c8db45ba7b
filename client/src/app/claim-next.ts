import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useRef } from "react";
import { useLocation } from "wouter";
import { useDesk } from "@/desk/desk-context";
import { turnText } from "@/desk/rank-text";
import { toast } from "@/desk/toast";
import type { QueueView } from "@/protocol/types";
import { strings } from "./strings/strings";

/** Takes the first ticket of the queue and opens it, with the reason why it was first. */
export function useClaimNext(): () => void {
  const { sync, announce } = useDesk();
  const queries = useQueryClient();
  const [, navigate] = useLocation();
  const asking = useRef(false);
  return useCallback(() => {
    // A key that is held down wants one ticket.
    if (asking.current) return;
    asking.current = true;
    const rows = queries.getQueryData<QueueView>(["queue"])?.data ?? [];
    // A line that is just being opened is worth the moment; one that is lost is not.
    const offline = sync.connection.state.get().kind === "offline" ? "refuse" : "keep";
    const { outcome } = sync.outbox.enqueue({ do: { type: "claim_next" }, offline });
    void outcome.then((settled) => {
      asking.current = false;
      // A refusal has been told by whoever listens to the outbox.
      if (!settled.ok) return;
      if (settled.ticket === null) {
        toast(strings.actions.nothingToClaim, { description: strings.actions.nothingToClaimHint });
        announce(strings.actions.nothingToClaim);
        return;
      }
      const { ticket } = settled;
      const row = rows.find((one) => one.ticket.id === ticket);
      const reason = row === undefined ? null : turnText(row.reason, Date.now());
      navigate(`/inbox/mine/${ticket}`, { state: { claimed: reason } });
      announce(strings.actions.taken(ticket));
      void queries.invalidateQueries({ queryKey: ["queue"] });
    });
  }, [sync, queries, navigate, announce]);
}
