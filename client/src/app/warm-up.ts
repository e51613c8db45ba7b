import { toaster } from "@/desk/toast";

const AFTER_MS = 500;

/**
 * Fetches the parts of the client that the first screen did without, once it stands: the next key must not wait for
 * the network, and must work without one. The answer ends it.
 */
export function warmUp(): () => void {
  const timer = setTimeout(() => {
    const toasts = Promise.all([import("sonner"), import("./toasts")]).then(() => {
      if (toaster.get() === "absent") toaster.set("wanted");
    });
    const parts = [
      toasts,
      import("./command-palette"),
      import("./help-sheet"),
      import("@/features/ticket/ticket-pane"),
      import("@/features/inbox/filter-bar"),
      import("@/features/inbox/list-menu"),
      import("@/desk/connection-details"),
      import("./account-menu"),
      import("@/features/inbox/bulk-bar"),
      import("./board-page"),
      import("./queue-page"),
      import("./search-page"),
      import("@/features/new-ticket/new-ticket-dialog"),
      import("@/features/ticket/relate-dialog"),
      import("@/features/ticket/markdown-body"),
    ];
    // A part that cannot be had now is asked for again when it is wanted.
    void Promise.allSettled(parts);
  }, AFTER_MS);
  return () => clearTimeout(timer);
}
