// Copyright the iocp authors. MIT license.

import { type NodeTimer, nodeTimers, now } from "../runtime/globals.ts";

/**
 * Calls back after a time without activity, once, and again after each later time
 * without any. It does not keep the process alive. Activity costs no timer: only the
 * time of it is stored.
 */
export class SocketTimer {
  readonly #ms: number;
  readonly #progress: () => number;
  readonly #onTimeout: () => void;
  #timer: NodeTimer | undefined;
  #since: number;
  /** The progress at the last check. */
  #last: number;

  /** `progress` returns a number that differs after activity that refresh() is not
   * called for. */
  constructor(ms: number, progress: () => number, onTimeout: () => void) {
    this.#ms = ms;
    this.#progress = progress;
    this.#onTimeout = onTimeout;
    this.#since = now();
    this.#last = progress();
    this.#start(ms);
  }

  /** Starts the time again. */
  refresh(): void {
    this.#since = now();
    if (this.#timer === undefined) this.#start(this.#ms);
  }

  stop(): void {
    nodeTimers.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #start(ms: number): void {
    const timer = nodeTimers.setTimeout(this.#check, ms);
    timer.unref();
    this.#timer = timer;
  }

  #check = (): void => {
    this.#timer = undefined;
    const progress = this.#progress();
    if (progress !== this.#last) {
      this.#last = progress;
      this.#since = now();
    }
    /* A timer may come a little early. */
    const left = this.#since + this.#ms - now();
    if (left >= 1) this.#start(left);
    else this.#onTimeout();
  };
}
