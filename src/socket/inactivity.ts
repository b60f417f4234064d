// Copyright the iocp authors. MIT license.
import { type Deadline, UNSET } from "../loop/deadlines.ts";
import type { CallLoop } from "../loop/socket_loop.ts";
import { now } from "../runtime/globals.ts";

/** What {@linkcode Inactivity} needs. */
export interface InactivityOptions {
  readonly loop: CallLoop;
  /** The time, in milliseconds. */
  readonly ms: number;
  /** How often it looks for progress in that time. So much of it may pass in
   * addition. */
  readonly checks: number;
  /** A number that differs after some activity. */
  progress(): number;
  /** Called when the time has passed. It must not run user code. */
  onTimeout(): void;
}

/** Calls back after a time without activity. It does not keep the process alive.
 */
export class Inactivity implements Deadline {
  at = 0;
  place: number = UNSET;
  readonly #options: InactivityOptions;
  /** The progress at the last check. */
  #last: number;
  /** When the last activity was, or a little later. */
  #since = now();
  #ms: number;
  #isStopped = false;

  constructor(options: InactivityOptions) {
    this.#options = options;
    this.#ms = options.ms;
    this.#last = options.progress();
    this.#start(options.ms);
  }

  /** Starts the time again, after some activity that is no progress. */
  refresh(): void {
    this.#since = now();
    if (this.place === UNSET && !this.#isStopped) this.#start(this.#ms);
  }

  /** Starts it again with another time. A nearer deadline is looked at then. */
  restart(ms: number): void {
    const { loop, checks } = this.#options;
    this.#ms = ms;
    this.#isStopped = false;
    this.#since = now();
    this.#last = this.#options.progress();
    if (this.place !== UNSET && this.at <= this.#since + ms / checks) return;
    loop.deadlines.remove(this);
    this.#start(ms);
  }

  /** Stops it until {@linkcode restart}. A deadline that is set passes in vain. */
  pause(): void {
    this.#isStopped = true;
  }

  stop(): void {
    this.#isStopped = true;
    this.#options.loop.deadlines.remove(this);
  }

  expire(): void {
    if (this.#isStopped) return;
    const { progress, onTimeout } = this.#options;
    const reached = progress();
    const time = now();
    if (reached !== this.#last) {
      this.#last = reached;
      this.#since = time;
    }
    const left = this.#since + this.#ms - time;
    if (left > 0) this.#start(left);
    else onTimeout();
  }

  #start(left: number): void {
    const { loop, checks } = this.#options;
    loop.deadlines.add(this, Math.min(left, this.#ms / checks));
  }
}
