import type { ExternalToast } from "sonner";

type Options = Pick<ExternalToast, "id" | "description" | "duration" | "action">;

/** Shown at the edge of the screen for a moment. What draws it is loaded after the first screen, so this waits for it. */
export function toast(title: string, options: Options = {}): void {
  void import("sonner").then((sonner) => sonner.toast(title, options));
}

export function errorToast(title: string, options: Options = {}): void {
  void import("sonner").then((sonner) => sonner.toast.error(title, options));
}

export function dismissToast(id: string): void {
  void import("sonner").then((sonner) => sonner.toast.dismiss(id));
}
