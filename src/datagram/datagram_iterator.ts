// Copyright the iocp authors. MIT license.

import type { Batch } from "./batch.ts";
import { BatchReader, DONE } from "./readers.ts";
import type { BoundSocket } from "./bound_socket.ts";
import type { DatagramAddr } from "./address.ts";
import { LimitedReceive } from "./limited_receive.ts";
import type { Limits } from "../options/operation.ts";

/** A loop over the datagrams of a socket, one by one or by batches, until the
 * socket is closed. */
export class DatagramIterator<A extends DatagramAddr, T>
  implements AsyncIterableIterator<T, undefined> {
  readonly #socket: BoundSocket<A>;
  readonly #takes: (batch: Batch<A>) => T;
  readonly #onReturn: () => void;
  readonly #limits: Limits | undefined;
  #isOver = false;

  /** `takes` is what each step takes of a batch. `onReturn` is called when the loop
   * is left. */
  constructor(
    socket: BoundSocket<A>,
    takes: (batch: Batch<A>) => T,
    onReturn: () => void,
    limits?: Limits,
  ) {
    this.#socket = socket;
    this.#takes = takes;
    this.#onReturn = onReturn;
    this.#limits = limits;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const socket = this.#socket;
    if (socket.isClosed || this.#isOver) return Promise.resolve(DONE);
    if (this.#limits !== undefined) return this.#nextWithin(this.#limits);
    const value = socket.receive.takeNow(this.#takes);
    if (value !== undefined) return Promise.resolve({ value, done: false });
    return this.#nextLater();
  }

  #nextLater(): Promise<IteratorResult<T, undefined>> {
    return new Promise((resolve) => {
      this.#socket.receive.read(new BatchReader(this.#takes, resolve));
    });
  }

  async #nextWithin(limits: Limits): Promise<IteratorResult<T, undefined>> {
    try {
      return await new LimitedReceive<A, IteratorResult<T, undefined>>(
        this.#socket,
        limits,
        (resolve) => new BatchReader(this.#takes, resolve),
      ).run();
    } catch (error) {
      /* The loop is left, but a `for await` does not call return() then. */
      this.#isOver = true;
      this.#onReturn();
      throw error;
    }
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#isOver = true;
    this.#onReturn();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
