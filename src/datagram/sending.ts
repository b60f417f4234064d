// Copyright the iocp authors. MIT license.

import { PENDING } from "../native/completion.ts";

/** How far a send() or sendMany() is that can be stopped. */
export class Sending {
  /** How many datagrams it has. */
  total: number;
  #taken = 0;
  #isCopied = false;
  /** No more of it is to be sent. */
  isStopped = false;
  /** Removes what waits for the copy of an earlier call to leave. */
  withdraw: (() => void) | undefined;

  constructor(total: number = Infinity) {
    this.total = total;
  }

  /** The datagrams that the library has taken. They are sent all the same. */
  get taken(): number {
    return this.#taken;
  }

  /** All datagrams are with the system. */
  get isDone(): boolean {
    return this.#taken === this.total && !this.#isCopied;
  }

  /** The library has taken up to `count` datagrams, with that result. */
  took(count: number, result: number): void {
    if (result < 0) return;
    this.#taken += count;
    this.#isCopied = (result & PENDING) !== 0;
  }

  stop(): void {
    this.isStopped = true;
    this.withdraw?.();
  }
}
