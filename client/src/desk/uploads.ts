import type { Attachment } from "@/protocol/types";
import { Cell } from "@/sync/cell";
import type { Clock } from "@/sync/clock";
import { type AnyCode, asProblem } from "@/sync/problem-error";
import { fullJitter } from "@/sync/reconnect-policy";
import type { UploadWire } from "@/sync/upload-wire";

/** A file on its way. Once all of it is there it belongs to the draft. */
export interface Upload {
  key: number;
  name: string;
  bytes: number;
  state: { kind: "sending"; sent: number } | { kind: "failed"; code: AnyCode };
}

/** What takes the files once they are with the server. */
export interface FileDrafts {
  get(ticket: number): { readonly files: readonly Attachment[] };
  write(ticket: number, change: { files: Attachment[] }): void;
}

interface Job {
  upload: Upload;
  ticket: number;
  file: Blob;
  /** The server's name for it, once it has one. */
  id: string | null;
  stop: AbortController;
}

const AT_ONCE = 3;
const TRIES = 6;
const NONE: readonly Upload[] = [];

/** Sends files while their message is being written, goes on where a lost line left off, and hands them to the draft. */
export class Uploads {
  readonly #wire: UploadWire;
  readonly #drafts: FileDrafts;
  readonly #clock: Clock;
  readonly #cells = new Map<number, Cell<readonly Upload[]>>();
  readonly #jobs = new Map<number, Job>();
  readonly #waiting: Job[] = [];
  readonly #known = new Map<string, Attachment>();
  #running = 0;
  #keys = 0;

  constructor(wire: UploadWire, drafts: FileDrafts, clock: Clock) {
    this.#wire = wire;
    this.#drafts = drafts;
    this.#clock = clock;
  }

  of(ticket: number): Cell<readonly Upload[]> {
    let cell = this.#cells.get(ticket);
    if (cell === undefined) {
      cell = new Cell(NONE);
      this.#cells.set(ticket, cell);
    }
    return cell;
  }

  add(ticket: number, files: readonly File[]): void {
    for (const file of files) {
      this.#keys += 1;
      const upload: Upload = {
        key: this.#keys,
        name: file.name,
        bytes: file.size,
        state: { kind: "sending", sent: 0 },
      };
      const cell = this.of(ticket);
      cell.set([...cell.get(), upload]);
      this.#start({ upload, ticket, file, id: null, stop: new AbortController() });
    }
  }

  /** Something is on its way. */
  busy(): boolean {
    return this.#running > 0 || this.#waiting.length > 0;
  }

  /** Stops what is on its way, or takes back what failed. */
  remove(key: number): void {
    const job = this.#jobs.get(key);
    if (job === undefined) return;
    this.#forget(job);
    job.stop.abort();
    if (job.id !== null) this.#giveUp(job.id);
  }

  retry(key: number): void {
    const job = this.#jobs.get(key);
    if (job === undefined || job.upload.state.kind !== "failed") return;
    this.#show(job, { kind: "sending", sent: 0 });
    this.#start({ ...job, stop: new AbortController() });
  }

  /** Takes a file back that is whole and not sent yet. */
  discard(ticket: number, id: string): void {
    const { files } = this.#drafts.get(ticket);
    this.#drafts.write(ticket, { files: files.filter((file) => file.id !== id) });
    this.#giveUp(id);
  }

  /** The files of a message that was refused or taken back are the draft's again, as far as they are still there. */
  async giveBack(ticket: number, ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const found = ids.map(async (id) => {
      const known = this.#known.get(id);
      if (known !== undefined) return known;
      const view = await this.#wire.look(id).catch(() => null);
      return view?.attachment ?? null;
    });
    const files = (await Promise.all(found)).filter((file): file is Attachment => file !== null);
    const { files: since } = this.#drafts.get(ticket);
    this.#drafts.write(ticket, { files: [...files, ...since] });
  }

  /** Files of a message that is on its way, as far as this tab knows them. */
  named(ids: readonly string[]): Attachment[] {
    return ids.flatMap((id) => this.#known.get(id) ?? []);
  }

  /** The files of a draft go with its message: they are remembered for the conversation and for a refusal. */
  remember(files: readonly Attachment[]): void {
    for (const file of files) this.#known.set(file.id, file);
  }

  #giveUp(id: string): void {
    // What cannot be told now the server removes by itself in time.
    this.#wire.cancel(id).catch(() => {});
  }

  #start(job: Job): void {
    this.#jobs.set(job.upload.key, job);
    this.#waiting.push(job);
    this.#next();
  }

  #next(): void {
    while (this.#running < AT_ONCE) {
      const job = this.#waiting.shift();
      if (job === undefined) return;
      if (job.stop.signal.aborted) continue;
      this.#running += 1;
      void this.#run(job).finally(() => {
        this.#running -= 1;
        this.#next();
      });
    }
  }

  async #run(job: Job): Promise<void> {
    let from = 0;
    for (let tries = 1; ; tries += 1) {
      try {
        let id = job.id;
        if (id === null) {
          const begun = await this.#wire.begin({ name: job.upload.name, bytes: job.upload.bytes });
          id = begun.id;
          job.id = id;
          if (job.stop.signal.aborted) return this.#giveUp(id);
          from = begun.received;
        }
        const base = from;
        const progress = (sent: number) => this.#show(job, { kind: "sending", sent: base + sent });
        const view = await this.#wire.send(id, base, job.file.slice(base), progress, job.stop.signal);
        if (job.stop.signal.aborted) return;
        if (view.attachment !== null) return this.#arrived(job, view.attachment);
        from = view.received;
      } catch (error) {
        if (job.stop.signal.aborted) return;
        const problem = asProblem(error);
        const moved = problem.code === "wrong_offset";
        if ((!problem.retryable && !moved) || tries >= TRIES) {
          this.#show(job, { kind: "failed", code: problem.code });
          return;
        }
        if (!moved) await this.#pause(tries);
        if (job.stop.signal.aborted) return;
        from = await this.#whereItStands(job, from);
      }
    }
  }

  /** After a lost line the server knows how much arrived; an upload that is gone is begun anew. */
  async #whereItStands(job: Job, from: number): Promise<number> {
    if (job.id === null) return 0;
    try {
      return (await this.#wire.look(job.id)).received;
    } catch (error) {
      if (asProblem(error).code !== "not_found") return from;
      job.id = null;
      return 0;
    }
  }

  #pause(tries: number): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.after(fullJitter(tries, this.#clock), resolve);
    });
  }

  #arrived(job: Job, file: Attachment): void {
    this.#forget(job);
    this.#known.set(file.id, file);
    this.#drafts.write(job.ticket, { files: [...this.#drafts.get(job.ticket).files, file] });
  }

  #forget(job: Job): void {
    this.#jobs.delete(job.upload.key);
    const cell = this.of(job.ticket);
    cell.set(cell.get().filter((upload) => upload.key !== job.upload.key));
  }

  #show(job: Job, state: Upload["state"]): void {
    job.upload = { ...job.upload, state };
    const cell = this.of(job.ticket);
    cell.set(cell.get().map((upload) => (upload.key === job.upload.key ? job.upload : upload)));
  }
}
