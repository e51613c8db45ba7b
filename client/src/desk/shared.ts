import type { PutShared, Shared } from "@/protocol/types";
import { Cell } from "@/sync/cell";

export interface SharedApi {
  shared(): Promise<Shared[]>;
  putShared(id: string, body: PutShared, version: number | null): Promise<Shared>;
  removeShared(id: string, version: number): Promise<void>;
}

/** Views and macros that a team has in common, or everybody. Changes reject with a `ProblemError`. */
export class SharedStore {
  readonly all = new Cell<readonly Shared[]>([]);
  readonly #api: SharedApi;

  constructor(api: SharedApi) {
    this.#api = api;
  }

  /** Never rejects: what is here stays until something newer can be had. */
  async refresh(): Promise<void> {
    try {
      const all = await this.#api.shared();
      if (JSON.stringify(all) !== JSON.stringify(this.all.get())) this.all.set(all);
    } catch {
      // The connection's state says that the server is away.
    }
  }

  async put(id: string, body: PutShared): Promise<Shared> {
    const before = this.all.get().find((shared) => shared.id === id);
    const after = await this.#api.putShared(id, body, before?.version ?? null);
    const others = this.all.get();
    const at = others.findIndex((other) => other.id === id);
    this.all.set(at < 0 ? [...others, after] : others.with(at, after));
    return after;
  }

  async remove(id: string): Promise<void> {
    const before = this.all.get().find((shared) => shared.id === id);
    if (before === undefined) return;
    await this.#api.removeShared(id, before.version);
    this.all.set(this.all.get().filter((shared) => shared.id !== id));
  }
}
