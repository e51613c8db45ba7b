export type Unsubscribe = () => void;

/** One value that can be watched: the shape that `useSyncExternalStore` wants. */
export class Cell<T> {
  #value: T;
  readonly #listeners = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  readonly get = (): T => this.#value;

  readonly subscribe = (listener: () => void): Unsubscribe => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  get isWatched(): boolean {
    return this.#listeners.size > 0;
  }

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of [...this.#listeners]) listener();
  }
}

/** Things that happen, as opposed to things that are. */
export class Happening<T> {
  readonly #listeners = new Set<(event: T) => void>();

  readonly subscribe = (listener: (event: T) => void): Unsubscribe => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  emit(event: T): void {
    for (const listener of [...this.#listeners]) listener(event);
  }
}
