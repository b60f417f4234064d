// Copyright the iocp authors. MIT license.

import type { Deadline } from "./deadlines.ts";
import { UNSET } from "./deadlines.ts";
import type { CallLoop } from "./socket_loop.ts";
import type { Limits } from "../options/operation.ts";
import { reasonOf } from "../options/signal.ts";
import {
  type Abortable,
  type SignalWatch,
  watchSignal,
} from "./signal_watch.ts";

/**
 * A call with a timeout, a signal or both, which end it. It is withdrawn then, so
 * that it takes nothing that comes later.
 *
 * A result counts if it is there before the end, even if the program has not seen
 * it yet: what was read is never thrown away.
 */
export abstract class LimitedCall<T> implements Deadline, Abortable {
  at = 0;
  place: number = UNSET;
  protected readonly loop: CallLoop;
  readonly #limits: Limits;
  #watch: SignalWatch | undefined;
  #isSettled = false;
  #resolve!: (value: T) => void;
  #reject!: (reason: unknown) => void;

  constructor(loop: CallLoop, limits: Limits) {
    this.loop = loop;
    this.#limits = limits;
  }

  /** Starts the operation, which calls {@linkcode resolve} or {@linkcode reject},
   * now or later. */
  protected abstract start(): void;

  /** Withdraws the operation, which is pending. */
  protected abstract withdraw(): void;

  /** The error after the timeout. The operation is withdrawn already. */
  protected abstract timeoutError(): Error;

  /** The same after an abort. */
  protected abortError(reason: unknown): unknown {
    return reason;
  }

  /** Runs it. Call it once. */
  run(): Promise<T> {
    const { signal } = this.#limits;
    const promise = new Promise<T>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    if (signal?.aborted) {
      this.reject(this.abortError(reasonOf(signal)));
      return promise;
    }
    try {
      this.start();
    } catch (error) {
      this.reject(error);
    }
    if (!this.#isSettled) this.#limit();
    return promise;
  }

  #limit(): void {
    const { signal, timeout } = this.#limits;
    if (timeout !== Infinity) this.loop.deadlines.add(this, timeout);
    if (signal === undefined) return;
    try {
      this.#watch = watchSignal(signal, this);
    } catch (error) {
      /* The signal is a polyfill that cannot be listened to. */
      if (this.#isWithdrawn()) this.#reject(error);
    }
  }

  resolve(value: T): void {
    if (!this.#isSettled) {
      this.#settled();
      this.#resolve(value);
    }
  }

  reject(reason: unknown): void {
    if (this.#isSettled) return;
    const aborted = this.#watch?.aborted;
    this.#settled();
    this.#reject(aborted ? this.abortError(aborted.reason) : reason);
  }

  expire(): void {
    if (this.#isWithdrawn()) this.#reject(this.timeoutError());
  }

  abort(reason: unknown): void {
    if (this.#isWithdrawn()) this.#reject(this.abortError(reason));
  }

  #settled(): void {
    this.#isSettled = true;
    this.loop.deadlines.remove(this);
    this.#watch?.remove(this);
  }

  /* False if it has a result already. */
  #isWithdrawn(): boolean {
    /* The result may have been left to the next turn. */
    this.loop.allowance.settle();
    if (this.#isSettled) return false;
    this.#settled();
    this.withdraw();
    return true;
  }
}
