// Copyright the iocp authors. MIT license.

/** A signal that counts the listeners that are added to it and removed from it. */
export class SpiedSignal {
  readonly #controller = new AbortController();
  added = 0;
  removed = 0;
  /** The most listeners at a time. */
  most = 0;

  /** The signal, for a call. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The listeners that it has. */
  get count(): number {
    return this.added - this.removed;
  }

  constructor() {
    const { signal } = this.#controller;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      this.added++;
      this.most = Math.max(this.most, this.count);
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      this.removed++;
      remove(...args);
    };
  }

  abort(reason?: unknown): void {
    this.#controller.abort(reason);
  }
}
