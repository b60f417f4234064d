// Copyright the iocp authors. MIT license.
import { type NodeTimer, nodeTimers } from "../runtime/globals.ts";

/** Calls back when nothing has happened for a while; it does not hold the
 * process alive. */
export class Inactivity {
  readonly #progress: () => number;
  readonly #onTimeout: () => void;
  readonly #timer: NodeTimer;
  /** The progress when the timer was last looked at. */
  #last: number;

  /** `progress` says how far a write has come: one that the peer takes slowly
   * is no inactivity. */
  constructor(ms: number, progress: () => number, onTimeout: () => void) {
    this.#progress = progress;
    this.#onTimeout = onTimeout;
    this.#last = progress();
    this.#timer = nodeTimers.setTimeout(this.#expired, ms);
    this.#timer.unref();
  }

  /** Something has happened: the time begins again. */
  refresh(): void {
    this.#timer.refresh();
  }

  /** Ends it. */
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
