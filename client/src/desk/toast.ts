import type { ExternalToast } from "sonner";
import { Cell } from "@/sync/cell";

type Options = Pick<ExternalToast, "id" | "description" | "duration" | "action">;

/** What draws toasts is no part of the first screen: it comes when it is wanted, and says when it is here. */
export const toaster = new Cell<"absent" | "wanted" | "here">("absent");

/** Shown at the edge of the screen for a moment. */
export function toast(title: string, options: Options = {}): void {
  void drawn().then((sonner) => sonner.toast(title, options));
}

export function errorToast(title: string, options: Options = {}): void {
  void drawn().then((sonner) => sonner.toast.error(title, options));
}

export function dismissToast(id: string): void {
  void drawn().then((sonner) => sonner.toast.dismiss(id));
}

async function drawn(): Promise<typeof import("sonner")> {
  if (toaster.get() === "absent") toaster.set("wanted");
  const sonner = await import("sonner");
  if (toaster.get() !== "here") {
    await new Promise<void>((done) => {
      const stop = toaster.subscribe(() => {
        if (toaster.get() !== "here") return;
        stop();
        done();
      });
    });
  }
  return sonner;
}
