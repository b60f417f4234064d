// Copyright the iocp authors. MIT license.

import { Fifo } from "./fifo.ts";

/** Gets a value of the queue, or undefined once the queue is closed. It must not
 * run user code. */
export type QueueReader<T> = (value: T | undefined) => void;

/**
 * Values that no read has claimed, or reads that wait for a value: never both.
 * Reads are callbacks, so that a caller that blocks needs no promise.
 */
export class AsyncQueue<T extends object> {
  readonly #values = new Fifo<T>();
  #length = 0;
  #readers: QueueReader<T>[] = [];
  #isClosed = false;

  /** The number of values that no read has claimed. */
  get length(): number {
    return this.#length;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Passes the value to the oldest pending read, and returns true; without one
   * the value is queued. */
  push(value: T): boolean {
    const reader = this.#readers.shift();
    if (reader === undefined) {
      this.#values.push(value);
      this.#length++;
      return false;
    }
    reader(value);
    return true;
  }

  /** Removes the oldest value, if there is one. */
  shift(): T | undefined {
    const value = this.#values.shift();
    if (value !== undefined) this.#length--;
    return value;
  }

  /** Calls `reader` once: with the oldest value, now or when there is one, or
   * with undefined when the queue is closed and empty. */
  read(reader: QueueReader<T>): void {
    const value = this.shift();
    if (value !== undefined || this.#isClosed) reader(value);
    else this.#readers.push(reader);
  }

  /** Withdraws a pending read; its reader is not called any more. */
  cancel(reader: QueueReader<T>): void {
    const at = this.#readers.indexOf(reader);
    if (at >= 0) this.#readers.splice(at, 1);
  }

  /** Ends pending reads, and every read after the last queued value. */
  close(): void {
    this.#isClosed = true;
    const readers = this.#readers;
    this.#readers = [];
    for (const reader of readers) reader(undefined);
  }

  /** Removes all values. */
  clear(): T[] {
    this.#length = 0;
    return this.#values.removeAll();
  }
}
