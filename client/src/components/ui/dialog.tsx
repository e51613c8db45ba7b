import clsx from "clsx";
import { X } from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import { type FormEvent, type ReactNode, useRef } from "react";
import { strings } from "@/app/strings/strings";
import { Button } from "./button";

const PLACES = {
  centre:
    "top-[12vh] left-1/2 max-h-[76vh] w-[min(36rem,calc(100vw-1.5rem))] -translate-x-1/2 animate-fade rounded-xl",
  /** As large as the screen lets it be: for pictures. */
  wide: "top-[4vh] left-1/2 max-h-[92vh] w-[min(72rem,calc(100vw-1.5rem))] -translate-x-1/2 animate-fade rounded-xl",
  left: "inset-y-0 left-0 w-[min(17rem,86vw)] animate-slide",
  right: "inset-y-0 right-0 w-[min(22rem,92vw)] animate-fade",
} as const;

/** A sheet over the screen. Escape and a click outside close it; focus goes back to where it came from. */
export function Dialog({
  open,
  onOpenChange,
  title,
  titleHidden = false,
  place = "centre",
  children,
}: {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  titleHidden?: boolean;
  place?: keyof typeof PLACES;
  children: ReactNode;
}) {
  // Looked at while it is drawn: a field inside that takes the focus by itself has not got it yet.
  const before = useRef<Element | null>(null);
  if (!open) before.current = null;
  else before.current ??= document.activeElement;
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-30 animate-fade bg-veil" />
        <Radix.Content
          aria-describedby={undefined}
          // Nothing to write in: the sheet itself has the focus, not the button that closes it.
          onOpenAutoFocus={(event) => {
            const sheet = event.currentTarget as HTMLElement;
            if (sheet.contains(document.activeElement)) return;
            event.preventDefault();
            (sheet.querySelector<HTMLElement>("[data-reading]") ?? sheet).focus();
          }}
          onCloseAutoFocus={(event) => {
            // It comes a moment after the end: what has taken the focus by then, another dialog say, keeps it.
            if (document.activeElement !== document.body) {
              event.preventDefault();
              return;
            }
            const from = before.current;
            if (!(from instanceof HTMLElement) || from === document.body || !from.isConnected) return;
            event.preventDefault();
            from.focus();
          }}
          className={clsx(
            "fixed z-30 flex flex-col overflow-hidden bg-raised shadow-pop outline-none",
            PLACES[place],
          )}
        >
          <div
            className={clsx(
              "flex items-center justify-between gap-2 px-4 pt-3 pb-2",
              titleHidden && "sr-only",
            )}
          >
            <Radix.Title className="font-semibold text-base">{title}</Radix.Title>
            <Radix.Close asChild>
              <Button variant="ghost" size="icon" aria-label={strings.nav.close}>
                <X className="size-4" />
              </Button>
            </Radix.Close>
          </div>
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

/** A form in a sheet: its fields scroll, and what sends it stays in sight. */
export function DialogForm({
  onSubmit,
  actions,
  children,
}: {
  onSubmit: (event: FormEvent) => void;
  actions: ReactNode;
  children: ReactNode;
}) {
  return (
    <form
      onSubmit={onSubmit}
      noValidate
      onKeyDown={(event) => {
        if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) event.currentTarget.requestSubmit();
      }}
      className="flex min-h-0 flex-col"
    >
      <div className="scroll-thin flex min-h-0 flex-col gap-4 overflow-y-auto px-4 pt-1 pb-4">{children}</div>
      <footer className="flex shrink-0 justify-end gap-2 border-t px-4 py-3">{actions}</footer>
    </form>
  );
}
