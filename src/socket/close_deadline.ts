// Copyright the iocp authors. MIT license.

import { RESET } from "../native/completion.ts";
import { numberOf } from "../errors.ts";
import { TIMEOUT_MAX } from "../options/operation.ts";
import { clearTimeout, setTimeout, withResolvers } from "../runtime/globals.ts";
import type { CloseOwner } from "./closing.ts";

const ETIMEDOUT = numberOf("ETIMEDOUT");

/** The deadline of a close, and what came of it. */
export class CloseDeadline {
  readonly #owner: CloseOwner;
  readonly #onTimeout: () => void;
  readonly #result = withResolvers<void>();
  /* It keeps the process alive until the close has ended. */
  readonly #timer: unknown;

  /** Without a deadline there is a timer all the same, which keeps the process
   * alive. `onTimeout` is called when it has passed. */
  constructor(
    owner: CloseOwner,
    deadlineMs: number = TIMEOUT_MAX,
    onTimeout: () => void,
  ) {
    this.#owner = owner;
    this.#onTimeout = onTimeout;
    /* A caller that does not wait for it need not handle the error. */
    this.promise.catch(() => {});
    this.#timer = setTimeout(this.#timedOut, deadlineMs);
  }

  /** Settled when the close has ended. */
  get promise(): Promise<void> {
    return this.#result.promise;
  }

  /** The library has closed the socket: without an error everything was sent. */
  ended(error: Error | undefined): void {
    clearTimeout(this.#timer);
    if (error === undefined) this.#result.resolve();
    else this.#result.reject(error);
  }

  #timedOut = (): void => {
    const { isReleased, loop, id } = this.#owner;
    this.#onTimeout();
    this.ended(this.#owner.failure(ETIMEDOUT, "close", 0));
    /* Released, the socket is in the hands of the library, which may still wait. */
    if (isReleased) loop.port.close(id, RESET, 0);
    else this.#owner.reset();
  };
}
