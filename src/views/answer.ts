// Copyright the iocp authors. MIT license.

import { SocketError } from "../errors.ts";

/** What a call that blocks waits for: a promise's two functions, and a look at
 * whether one of them was called. */
export class Answer<T> {
  /** True once there is a value or an error. */
  isThere = false;
  #value: T | undefined;
  #error: { reason: unknown } | undefined;

  readonly resolve = (value: T): void => {
    this.isThere = true;
    this.#value = value;
  };

  readonly reject = (reason: unknown): void => {
    this.isThere = true;
    this.#error = { reason };
  };

  /** The value, or the error thrown, once it is there. */
  take(): T {
    if (this.#error !== undefined) throw this.#error.reason;
    return this.#value as T;
  }
}

/** The error of a call whose time is over. */
export function timedOut(
  syscall: string,
  address: string,
  port: number,
  bytesWritten?: number,
): SocketError {
  return new SocketError("ETIMEDOUT", { syscall, address, port, bytesWritten });
}
