import { DeskSync } from "../desk-sync";
import { ProblemError } from "../problem-error";
import { memoryStorage } from "../storage";
import type { ManualClock } from "./manual-clock";
import { calm, type ModelServer, type Weather } from "./model-server";

/** One browser tab against the model server. */
export class Peer {
  readonly desk: DeskSync;
  readonly storage: Map<string, string>;
  readonly transport: ReturnType<ModelServer["transport"]>;

  readonly server: ModelServer;
  readonly clock: ManualClock;
  readonly user: string;

  constructor(
    server: ModelServer,
    clock: ManualClock,
    user: string,
    weather: Weather = calm,
    storage: Map<string, string> = new Map(),
  ) {
    this.server = server;
    this.clock = clock;
    this.user = user;
    this.storage = storage;
    this.transport = server.transport(user, weather);
    const later = <T>(answer: () => T): Promise<T> =>
      new Promise((resolve, reject) => {
        clock.after(weather.latencyMs(), () => {
          if (!server.up) {
            reject(new ProblemError({ code: "unreachable", status: 0, retryable: true }));
            return;
          }
          let value: T;
          try {
            value = answer();
          } catch (error) {
            reject(error);
            return;
          }
          clock.after(weather.latencyMs(), () => resolve(value));
        });
      });
    let ids = Number(storage.get("test.ids") ?? "0");
    this.desk = new DeskSync({
      transport: this.transport,
      api: {
        snapshot: () => later(() => server.snapshot()),
        thread: (ticket) => later(() => server.thread(ticket)),
        me: () => later(() => ({}) as never),
      },
      clock,
      storage: memoryStorage(storage),
      newId: () => {
        ids += 1;
        storage.set("test.ids", String(ids));
        return `${user}-${ids}`;
      },
      client: `tab-${user}`,
      user,
      visible: () => true,
    });
  }

  /** The same tab after a reload: nothing is left but the storage. */
  reload(weather: Weather = calm): Peer {
    this.desk.stop();
    const next = new Peer(this.server, this.clock, this.user, weather, this.storage);
    next.desk.start();
    return next;
  }

  get state(): string {
    return this.desk.connection.state.get().kind;
  }
}
