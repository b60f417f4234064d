// Copyright the iocp authors. MIT license.

/** The result of an operation that a blocking call waits for. It is settled
 * like a promise, but its state can be read while the call runs the loop. */
export class SyncResult<T> {
  #isSettled = false;
  #value: T | undefined;
  #failure: { readonly reason: unknown } | undefined;

  /** True once it has a value or an error. */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  readonly resolve = (value: T): void => {
    this.#isSettled = true;
    this.#value = value;
  };

  readonly reject = (reason: unknown): void => {
    this.#isSettled = true;
    this.#failure = { reason };
  };

  /** Returns the value, or throws the error. It must be settled. */
  unwrap(): T {
    if (this.#failure !== undefined) throw this.#failure.reason;
    return this.#value as T;
  }
}
