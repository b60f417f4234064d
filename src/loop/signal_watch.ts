// Copyright the iocp authors. MIT license.
/* A program may pass one signal to all of its calls, at once or one after the other.
 * Each call with a listener of its own would make the list of the signal long, which
 * some runtimes warn of, and removing one searches that list. So all pending calls
 * with a signal share one listener. */

import { reasonOf } from "../options/signal.ts";
import type { Signal } from "../runtime/web_types.ts";

/** A call that a signal can end. It must not run user code. */
export interface Abortable {
  abort(reason: unknown): void;
}

const watches = new WeakMap<Signal, SignalWatch>();

/** Calls `call.abort()` when the signal aborts, until {@linkcode SignalWatch.remove}.
 */
export function watchSignal(signal: Signal, call: Abortable): SignalWatch {
  let watch = watches.get(signal);
  if (watch === undefined) watches.set(signal, watch = new SignalWatch(signal));
  watch.add(call);
  return watch;
}

/** The pending calls with one signal. */
export class SignalWatch {
  readonly #signal: Signal;
  readonly #calls = new Set<Abortable>();
  #isListening = false;
  #isLeaving = false;
  #aborted: { reason: unknown } | undefined;

  constructor(signal: Signal) {
    this.#signal = signal;
  }

  /** The reason while the calls are aborted, one after the other. An aborted pipe
   * closes connections: other calls that fail by that have this reason too. */
  get aborted(): { readonly reason: unknown } | undefined {
    return this.#aborted;
  }

  add(call: Abortable): void {
    if (!this.#isListening) {
      this.#signal.addEventListener("abort", this.#onAbort);
      this.#isListening = true;
    }
    this.#calls.add(call);
  }

  /** The call is settled. */
  remove(call: Abortable): void {
    this.#calls.delete(call);
    if (this.#calls.size > 0 || this.#isLeaving) return;
    /* Not at once: the methods of a polyfill are user code, which must not run
     * during a turn, and the next call of a program comes before this. */
    this.#isLeaving = true;
    Promise.resolve().then(this.#leave);
  }

  #leave = (): void => {
    this.#isLeaving = false;
    if (this.#calls.size > 0 || !this.#isListening) return;
    this.#isListening = false;
    this.#signal.removeEventListener("abort", this.#onAbort);
  };

  #onAbort = (): void => {
    const reason = reasonOf(this.#signal);
    this.#aborted = { reason };
    try {
      for (const call of [...this.#calls]) call.abort(reason);
    } finally {
      this.#aborted = undefined;
    }
  };
}
