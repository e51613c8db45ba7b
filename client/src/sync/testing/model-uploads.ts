import type { UploadView } from "@/protocol/types";
import { ProblemError } from "../problem-error";
import type { UploadWire } from "../upload-wire";

/** A server for files whose line can be cut in the middle, and that can hold an answer back. */
export class ModelUploads implements UploadWire {
  readonly views = new Map<string, UploadView>();
  /** After so many bytes of the next `send` the line is lost. */
  cutAfter: number | null = null;
  /** The next `begin` is refused with this. */
  refuse: ProblemError | null = null;
  /** As long as this is so, what is sent stays on its way. */
  held = false;
  readonly cancelled: string[] = [];
  #release: (() => void)[] = [];
  #ids = 0;

  release(): void {
    this.held = false;
    for (const go of this.#release.splice(0)) go();
  }

  async begin(file: { name: string; bytes: number }): Promise<UploadView> {
    if (this.refuse !== null) throw this.refuse;
    this.#ids += 1;
    const id = `f${this.#ids}`;
    const view: UploadView = { id, ...file, received: 0, attachment: null, expires_at: "" };
    this.views.set(id, view);
    return view;
  }

  async send(
    id: string,
    from: number,
    bytes: Blob,
    progress: (sent: number) => void,
    stop: AbortSignal,
  ): Promise<UploadView> {
    const view = await this.look(id);
    if (from !== view.received)
      throw new ProblemError({ code: "wrong_offset", status: 409, retryable: false });
    const taken = Math.min(bytes.size, this.cutAfter ?? bytes.size);
    progress(taken);
    view.received += taken;
    if (this.cutAfter !== null) {
      this.cutAfter = null;
      throw new ProblemError({ code: "unreachable", status: 0, retryable: true });
    }
    if (this.held)
      await new Promise<void>((resolve, reject) => {
        this.#release.push(resolve);
        stop.addEventListener("abort", () => reject(new DOMException("given up", "AbortError")));
      });
    view.attachment = {
      id,
      name: view.name,
      bytes: view.bytes,
      media_type: view.name.endsWith(".png") ? "image/png" : "text/plain",
      sha256: "",
      ...(view.name.endsWith(".png") ? { thumbnail: true } : {}),
    };
    return view;
  }

  async look(id: string): Promise<UploadView> {
    const view = this.views.get(id);
    if (view === undefined) throw new ProblemError({ code: "not_found", status: 404, retryable: false });
    return view;
  }

  async cancel(id: string): Promise<void> {
    this.cancelled.push(id);
    this.views.delete(id);
  }
}
