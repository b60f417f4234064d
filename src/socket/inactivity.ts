// Copyright the iocp authors. MIT license.
import { type NodeTimer, nodeTimers } from "../runtime/globals.ts";

/** Calls back after a time without activity. It does not keep the process alive.
 */
export class Inactivity {
  readonly #progress: () => number;
  readonly #onTimeout: () => void;
  readonly #timer: NodeTimer;
  /** The progress when the timer was started. */
  #last: number;

  /** `progress` returns how much of a write was sent: a peer that receives it
   * slowly is active. */
  constructor(ms: number, progress: () => number, onTimeout: () => void) {
    this.#progress = progress;
    this.#onTimeout = onTimeout;
    this.#last = progress();
    this.#timer = nodeTimers.setTimeout(this.#expired, ms);
    this.#timer.unref();
  }

  /** Starts the time again, after some activity. */
  refresh(): void {
    this.#timer.refresh();
  }

  stop(): void {
    nodeTimers.clearTimeout(this.#timer);
  }

  #expired = (): void => {
    const progress = this.#progress();
    if (progress === this.#last) {
      this.#onTimeout();
      return;
    }
    this.#last = progress;
    this.#timer.refresh();
  };
}
