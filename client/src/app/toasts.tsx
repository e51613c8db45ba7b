import { useEffect } from "react";
import { Toaster } from "sonner";
import { toaster } from "@/desk/toast";

export function Toasts() {
  useEffect(() => toaster.set("here"), []);
  const narrow = window.matchMedia("(max-width: 767px)").matches;
  return (
    <Toaster
      position={narrow ? "top-center" : "bottom-left"}
      // Above the connection's state, which must stay in sight.
      offset={{ left: 16, bottom: 100 }}
      style={{ fontFamily: "inherit" }}
      gap={8}
      visibleToasts={4}
      toastOptions={{
        unstyled: true,
        classNames: {
          toast:
            "flex w-[min(22rem,calc(100vw-2rem))] items-center gap-3 rounded-lg bg-raised px-3.5 py-2.5 text-sm text-ink shadow-pop",
          icon: "text-danger [&>svg]:size-4",
          title: "font-medium",
          description: "text-ink-2 text-xs",
          content: "min-w-0 flex-1",
          actionButton:
            "h-7 shrink-0 rounded-md px-2.5 font-semibold text-accent text-xs hover:bg-accent-soft coarse:h-10",
        },
      }}
    />
  );
}
