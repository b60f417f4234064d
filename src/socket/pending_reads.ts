// Copyright the iocp authors. MIT license.

import type { Chunk } from "./chunk_queue.ts";
import { SocketError } from "../errors.ts";
import { emptyFifo, pushed, unshifted } from "./fifo.ts";

/** A read that is not settled yet: of a chunk, or into a buffer. */
export interface PendingRead {
  /** Where the bytes go. Without it the read is for a chunk. */
  readonly buffer: Uint8Array | undefined;
  /** True for a `for await` loop, which ends on close() instead of failing. */
  readonly isLoop: boolean;
  /** Of a read that gives its chunk back: called with the chunk before
   * {@linkcode resolve}. */
  borrow?(chunk: Chunk): void;
  /** Called with the chunk or, with a buffer, the number of bytes in it; null is
   * the end. */
  resolve(got: Chunk | number | null): void;
  reject(error: Error): void;
}

/** A read into a buffer. */
export interface BufferRead extends PendingRead {
  readonly buffer: Uint8Array;
}

/** Makes a read into a buffer. */
export function bufferRead(
  buffer: Uint8Array,
  resolve: (count: number | null) => void,
  reject: (error: Error) => void,
): BufferRead {
  /* A read with a buffer is never given a chunk. */
  return {
    buffer,
    isLoop: false,
    resolve: resolve as PendingRead["resolve"],
    reject,
  };
}

/** What a loop over a connection gets. */
export type Result = IteratorResult<Chunk, undefined>;

/** The end of a loop. */
export const DONE: Result = Object.freeze({ value: undefined, done: true });

/** A read of a loop. */
export interface LoopRead extends PendingRead {
  /** Makes the promise that resolve() and reject() settle. */
  makePromise(): Promise<Result>;
}

/** The reads of a connection that wait for bytes, in order. Mostly there is one,
 * that of a loop. */
export class PendingReads {
  #first: PendingRead | undefined;
  #others = emptyFifo<PendingRead>();

  get first(): PendingRead | undefined {
    return this.#first;
  }

  push(read: PendingRead): void {
    if (this.#first === undefined) this.#first = read;
    else this.#others = pushed(this.#others, read);
  }

  /** Adds a read in front of the others. */
  unshift(read: PendingRead): void {
    if (this.#first !== undefined) {
      this.#others = unshifted(this.#others, this.#first);
    }
    this.#first = read;
  }

  shift(): PendingRead | undefined {
    const first = this.#first;
    if (first !== undefined) this.#first = this.#others.shift();
    return first;
  }

  remove(read: PendingRead): void {
    if (this.#first === read) this.#first = this.#others.shift();
    else this.#others.remove(read);
  }

  /** Settles all of them: no more bytes will arrive. */
  end(error: Error | undefined): void {
    for (const read of this.#removeAll()) {
      if (error !== undefined) read.reject(error);
      else read.resolve(null);
    }
  }

  /** Ends loops, and fails other reads with EINTR. */
  interrupt(detail: string): void {
    for (const read of this.#removeAll()) {
      /* Errors are expensive to create, and usually the only read is that of a
       * loop, which needs none. */
      if (read.isLoop) read.resolve(null);
      else {
        read.reject(new SocketError("EINTR", { syscall: "read", detail }));
      }
    }
  }

  #removeAll(): PendingRead[] {
    const first = this.#first;
    if (first === undefined) return [];
    this.#first = undefined;
    return [first, ...this.#others.removeAll()];
  }
}
