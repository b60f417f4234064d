// Copyright the iocp authors. MIT license.
import type { NativePort } from "../native/port.ts";
import { now } from "../runtime/globals.ts";
import type { Parker } from "../runtime/types.ts";

/** Empty turns of a blocking call before a wake-up is sent once more. */
const WAKE_AGAIN_TURNS = 32;

/** The wait for a port outside of the JavaScript thread; one at a time. */
export class ParkedWait {
  readonly #port: NativePort;
  readonly #parker: Parker;
  /** When it ends by itself, by now(). */
  #until = Infinity;
  /** It was woken, and the parker has not reported its end yet. */
  #isWoken = false;

  constructor(port: NativePort, parker: Parker) {
    this.#port = port;
    this.#parker = parker;
    parker.setRef(false);
  }

  /** Whether it keeps the process alive. */
  setRef(isRef: boolean): void {
    this.#parker.setRef(isRef);
  }

  /** Waits no longer than to the next deadline (-1: there is none), so no timer is
   * needed. Returns false if it waits already. */
  park(timeoutMs: number): boolean {
    const until = timeoutMs < 0 ? Infinity : now() + timeoutMs;
    if (this.#parker.isParked) {
      /* For a nearer deadline it has to begin anew. That is rare: most timeouts of
       * a program have one length, so the first deadline set is the nearest. */
      if (until + 1 < this.#until) {
        this.#until = until;
        this.#port.wake();
      }
      return false;
    }
    this.#until = until;
    this.#isWoken = false;
    this.#parker.park(timeoutMs);
    return true;
  }

  /**
   * Ends the parked wait before a blocking call waits in the JavaScript thread,
   * since only one thread may wait at a time. `emptyTurns` is the number of
   * turns that the blocking call has run without a result.
   *
   * The parker reports the end of its wait only after the blocking call. If its
   * thread was slow to start, its wait may begin after the wake-up, and while
   * it runs, waits of the JavaScript thread return at once. So the wake-up is
   * repeated, at growing intervals, since it may also end a wait of the
   * JavaScript thread.
   */
  interrupt(emptyTurns: number): void {
    if (!this.#parker.isParked) return;
    const isDue = emptyTurns >= WAKE_AGAIN_TURNS &&
      (emptyTurns & (emptyTurns - 1)) === 0;
    if (this.#isWoken && !isDue) return;
    this.#isWoken = true;
    this.#port.wake();
  }

  /** No socket is open, so there is nothing to wait for. */
  idle(): void {
    if (this.#parker.isParked) this.#port.wake();
    this.#parker.idle();
  }

  /** The port is deleted. */
  close(): void {
    this.#parker.close();
  }
}
