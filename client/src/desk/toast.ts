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

const TRY_AGAIN_MS = 3_000;

/** A toast that is wanted while the network is away is shown when it is back: late, but not lost. */
async function loaded(): Promise<typeof import("sonner")> {
  for (;;) {
    try {
      return await import("sonner");
    } catch {
      await new Promise((done) => setTimeout(done, TRY_AGAIN_MS));
    }
  }
}

async function drawn(): Promise<typeof import("sonner")> {
  const sonner = await loaded();
  if (toaster.get() === "absent") toaster.set("wanted");
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
