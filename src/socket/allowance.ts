// Copyright the iocp authors. MIT license.
/* How much a port may settle at once between two turns of the event loop.
 *
 * The promise of an operation that succeeds at once is settled in a microtask,
 * from which the program starts the next operation, and so on. Only the peer
 * bounds that chain: as long as it has sent bytes, no timer runs and no other
 * connection is served. So each turn has an allowance of operations and bytes.
 * When it is used up, system calls are still made at once, which keeps them in
 * order, but their promises are settled in the next turn, in the same order. What
 * a turn itself settles is bounded by the records of one poll. */

import { Fifo } from "./fifo.ts";
import { runtime } from "../runtime/detect.ts";

/** An operation costs as much as this many bytes. */
const OPERATION_BYTES = 4096;
/** The allowance of a turn: 256 operations without bytes, or a megabyte. That
 * is a fraction of a millisecond: short for other connections, but long
 * compared with the cost of a turn, so loops of small reads are not slowed
 * down. */
const TURN_BYTES = 256 * OPERATION_BYTES;
/** Each record of a poll adds to the allowance, so that a server with very many
 * busy connections can answer each of them at once, and more than once. */
const RECORD_BYTES = 4 * OPERATION_BYTES;

/** The allowance of one port. */
export class Allowance {
  #left = TURN_BYTES;
  #isInTurn = false;
  readonly #settlements = new Fifo<() => void>();
  #continuations: (() => void)[] = [];
  #isScheduled = false;
  #lastBytes = 0;
  #lastWrite = Promise.resolve(0);

  /** True if something is left for the next turn. */
  get isPending(): boolean {
    return !this.#settlements.isEmpty || this.#continuations.length > 0;
  }

  /** True while the turn may do more. */
  get isLeft(): boolean {
    return this.#left > 0;
  }

  /** Counts an operation, or several. Returns false when it must be settled in the
   * next turn, by {@linkcode defer}. */
  spend(bytes: number, operations = 1): boolean {
    this.#left -= operations * OPERATION_BYTES + bytes;
    return this.#left >= 0 || this.#isInTurn;
  }

  /** The promise of an operation that has succeeded. */
  settled<T>(value: T, bytes: number, operations = 1): Promise<T> {
    if (this.spend(bytes, operations)) return Promise.resolve(value);
    return this.settledLater(value);
  }

  /** The same for a write of so many bytes. Most writes of a program have one
   * length, so the promise of the last one is used again: it leaves nothing to
   * the garbage collector. */
  settledWrite(bytes: number): Promise<number> {
    if (!this.spend(bytes)) return this.settledLater(bytes);
    if (bytes === this.#lastBytes) return this.#lastWrite;
    this.#lastBytes = bytes;
    return this.#lastWrite = Promise.resolve(bytes);
  }

  /** The promise of an operation that {@linkcode spend} has left for the next turn. */
  settledLater<T>(value: T): Promise<T> {
    return new Promise((resolve) => this.defer(() => resolve(value)));
  }

  /** Settles a promise in the next turn. `settle` must not run user code. */
  defer(settle: () => void): void {
    this.#settlements.push(settle);
    this.#schedule();
  }

  /** Continues an operation in the next turn. */
  resumeLater(next: () => void): void {
    this.#continuations.push(next);
    this.#schedule();
  }

  /** Settles now what was deferred to the next turn, because the caller is
   * about to settle something that must come after it. What is deferred meanwhile is
   * left. A settlement may call this again, for those that come after itself. */
  settle(): void {
    for (let left = this.#settlements.length; left > 0; left--) {
      this.#settlements.shift()?.();
    }
  }

  /**
   * A turn begins. Its poll must come after this: what is continued here makes
   * calls, which must not refer to a socket whose end the library has put into a
   * record already, and which nothing here knows of yet.
   */
  begin(): void {
    this.#left = TURN_BYTES;
    this.#isInTurn = true;
    this.settle();
    if (this.#continuations.length === 0) return;
    const continuations = this.#continuations;
    this.#continuations = [];
    for (const next of continuations) next();
  }

  /** The poll of the turn has delivered this many records. */
  polled(records: number): void {
    this.#left += records * RECORD_BYTES;
  }

  /** The turn is over; user code runs now. */
  end(): void {
    this.#isInTurn = false;
  }

  /* Does not wait for the next turn of the port: while the port is parked or
   * closed, there is none. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    runtime.defer(this.#next);
  }

  #next = (): void => {
    this.#isScheduled = false;
    if (!this.isPending) return;
    this.begin();
    this.end();
  };
}
