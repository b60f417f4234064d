// Copyright the iocp authors. MIT license.

import { deno, unrefTimer } from "./deno_namespace.ts";
import { clearTimeout, setTimeout } from "./globals.ts";
import type { Native } from "../native/symbols.ts";
import type { Parker } from "./types.ts";

/* Not public: makes a pending operation not keep the process alive. Where it is
 * missing, a timer is used instead. https://github.com/denoland/deno_core */
interface DenoCore {
  refOpPromise(promise: Promise<unknown>): void;
  unrefOpPromise(promise: Promise<unknown>): void;
}
/** The library with a form of iocp_wait() that does not block the thread. */
export interface DenoNative extends Native {
  wait_nonblocking(port: number, timeoutMs: number): Promise<number>;
}

/** The interval, in milliseconds, at which an unref'd port is polled where a wait
 * cannot be unref'd. */
const UNREF_POLL_MS = 5;

function findCore(): DenoCore | undefined {
  const internals = (deno as unknown as Record<symbol, { core?: DenoCore }>)[
    deno.internal
  ];
  const core = internals?.core;
  return typeof core?.unrefOpPromise === "function" &&
      typeof core.refOpPromise === "function"
    ? core
    : undefined;
}

/** Waits by a non-blocking call of iocp_wait(), which Deno runs in a thread of
 * its own. */
export class DenoParker implements Parker {
  readonly #native: DenoNative;
  readonly #port: number;
  readonly #onWake: () => void;
  readonly #core = findCore();
  #isRef = true;
  #wait: Promise<unknown> | undefined;
  #timer: unknown;

  constructor(native: Native, port: number, onWake: () => void) {
    this.#native = native as DenoNative;
    this.#port = port;
    this.#onWake = onWake;
  }

  get isParked(): boolean {
    return this.#wait !== undefined || this.#timer !== undefined;
  }

  park(timeoutMs: number): void {
    if (!this.#isRef && this.#core === undefined) {
      this.#timer = setTimeout(this.#woken, UNREF_POLL_MS);
      unrefTimer(this.#timer);
      return;
    }
    this.#wait = this.#native.wait_nonblocking(this.#port, timeoutMs);
    if (!this.#isRef) this.#core!.unrefOpPromise(this.#wait);
    this.#wait.then(this.#woken);
  }

  #woken = (): void => {
    this.#wait = undefined;
    this.#timer = undefined;
    this.#onWake();
  };

  setRef(isRef: boolean): void {
    if (isRef === this.#isRef) return;
    this.#isRef = isRef;
    if (this.#wait === undefined) return;
    if (this.#core === undefined) {
      /* The wait keeps the process alive, so it is ended; the next one is the
       * timer. */
      if (!isRef) this.#native.iocp_wake(this.#port);
    } else if (isRef) {
      this.#core.refOpPromise(this.#wait);
    } else {
      this.#core.unrefOpPromise(this.#wait);
    }
  }

  idle(): void {
    /* The runtime ends its idle threads itself. */
  }

  close(): void {
    /* The deletion of the port has ended the wait. */
    clearTimeout(this.#timer);
  }
}
