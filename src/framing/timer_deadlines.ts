// Copyright the iocp authors. MIT license.

import type { Deadline } from "../loop/deadlines.ts";
import { clearTimeout, setTimeout } from "../runtime/globals.ts";

/** Deadlines of calls that belong to no loop: each has a timer. */
export class TimerDeadlines {
  readonly #timers = new Map<Deadline, unknown>();

  /** Adds one that is due in `ms` milliseconds. */
  add(deadline: Deadline, ms: number): void {
    const expire = () => {
      this.#timers.delete(deadline);
      deadline.expire();
    };
    this.#timers.set(deadline, setTimeout(expire, ms));
  }

  /** Removes one, if it is there. */
  remove(deadline: Deadline): void {
    clearTimeout(this.#timers.get(deadline));
    this.#timers.delete(deadline);
  }
}
