// Copyright the iocp authors. MIT license.
/* What waits for datagrams: a loop over single ones, a loop over batches, or a
 * receive() into a buffer. */

import type { DatagramAddr } from "./address.ts";
import type { Batch } from "./batch.ts";
import type { Datagram } from "./datagram.ts";

/** A read that is not settled yet. None of its methods runs user code. */
export interface Reader<A extends DatagramAddr> {
  /** Where the data goes. Without it, it stays in the memory of the batch. */
  readonly p: Uint8Array | undefined;
  /** True for a `for await` loop, which ends on close() instead of failing. */
  readonly isLoop: boolean;
  /** True if the buffer of `p` was transferred. */
  readonly isLost: boolean;
  /** Takes what it wants of the batch, at least one datagram. */
  take(batch: Batch<A>): void;
  /** `length` bytes of a datagram of `size` bytes are in `p`. */
  filled(size: number | undefined, length: number, addr: A): void;
  /** The loop is over. */
  end(): void;
  reject(error: Error): void;
}

/** The end of a loop. */
export const DONE: IteratorReturnResult<undefined> = Object.freeze({
  value: undefined,
  done: true,
});

/** Reads datagrams that stay in the memory of their batch. */
export class BatchReader<A extends DatagramAddr, T> implements Reader<A> {
  readonly #takes: (batch: Batch<A>) => T;
  readonly #resolve: (result: IteratorResult<T, undefined>) => void;
  readonly #reject: ((error: Error) => void) | undefined;

  /** `takes` is what it takes of a batch. Without `reject` it reads for a loop. */
  constructor(
    takes: (batch: Batch<A>) => T,
    resolve: (result: IteratorResult<T, undefined>) => void,
    reject?: (error: Error) => void,
  ) {
    this.#takes = takes;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  get p(): undefined {
    return undefined;
  }

  get isLoop(): boolean {
    return this.#reject === undefined;
  }

  get isLost(): boolean {
    return false;
  }

  take(batch: Batch<A>): void {
    this.#resolve({ value: this.#takes(batch), done: false });
  }

  filled(): void {
    /* It has no buffer. */
  }

  end(): void {
    this.#resolve(DONE);
  }

  reject(error: Error): void {
    this.#reject?.(error);
  }
}

/** Reads one datagram into a buffer. */
export class BufferReader<A extends DatagramAddr, B extends ArrayBufferLike>
  implements Reader<A> {
  readonly p: Uint8Array<B>;
  readonly reject: (error: Error) => void;
  readonly #resolve: (datagram: Datagram<A, B>) => void;
  readonly #length: number;

  constructor(
    p: Uint8Array<B>,
    resolve: (datagram: Datagram<A, B>) => void,
    reject: (error: Error) => void,
  ) {
    this.p = p;
    this.#length = p.length;
    this.#resolve = resolve;
    this.reject = reject;
  }

  get isLoop(): boolean {
    return false;
  }

  get isLost(): boolean {
    return this.p.length !== this.#length;
  }

  take(batch: Batch<A>): void {
    this.#resolve(batch.shiftInto(this.p));
  }

  filled(size: number | undefined, length: number, addr: A): void {
    const data = this.p.subarray(0, length) as Uint8Array<B>;
    this.#resolve({ data, addr, isTruncated: size !== length, size });
  }

  end(): void {
    /* It is not that of a loop. */
  }
}
