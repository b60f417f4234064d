// Copyright the iocp authors. MIT license.
import type { Chunk } from "../socket/chunk_queue.ts";
import { DONE, type LoopRead, type Result } from "../socket/pending_reads.ts";
import type { Socket } from "../socket/socket.ts";

/**
 * Reads a connection chunk by chunk. What the end means for the connection is up
 * to the caller; see {@linkcode Chunks}.
 *
 * It also serves as the pending read of the next chunk, which saves an object
 * for each message and for each idle connection.
 */
export class ChunkReader implements LoopRead {
  protected readonly socket: Socket;
  /** Where the chunks go; without it each has memory of its own. */
  readonly buffer: Uint8Array | undefined;
  /** The functions of the promise that is pending. */
  #resolve: ((result: Result) => void) | undefined;
  #reject: ((error: Error) => void) | undefined;

  constructor(socket: Socket, buffer?: Uint8Array) {
    this.socket = socket;
    this.buffer = buffer;
    this.#resolve = undefined;
    this.#reject = undefined;
  }

  next(): Promise<Result> {
    /* A second next() before the first settles needs its own read. */
    const read = this.#resolve === undefined ? this : this.clone();
    return this.socket.receive.next(read);
  }

  /** Withdraws the pending read, whose promise stays as it is; bytes that come
   * are for the next one. Returns false if none is pending. */
  cancel(): boolean {
    /* The result may have been left to the next turn. */
    this.socket.loop.allowance.settle();
    if (this.#resolve === undefined) return false;
    this.#resolve = this.#reject = undefined;
    this.socket.receive.cancel(this);
    return true;
  }

  protected clone(): ChunkReader {
    return new ChunkReader(this.socket, this.buffer);
  }

  /** Called when the end or an error is reported. It must not run user code. */
  protected onEnd(_isError: boolean): void {}

  /* What follows is for the queue. */

  get isLoop(): boolean {
    return true;
  }

  makePromise(): Promise<Result> {
    ChunkReader.#current = this;
    return new Promise(ChunkReader.#executor);
  }

  resolve(got: Chunk | number | null): void {
    const resolve = this.#resolve!;
    this.#resolve = this.#reject = undefined;
    if (got === null) {
      resolve(DONE);
      this.onEnd(false);
    } else if (typeof got !== "number") resolve({ value: got, done: false });
    else {
      /* Any other buffer is the one passed to Conn.chunks(), which has the type
       * of the chunks. */
      const value = this.buffer!.subarray(0, got) as Chunk;
      resolve({ value, done: false });
    }
  }

  reject(error: Error): void {
    const reject = this.#reject!;
    this.#resolve = this.#reject = undefined;
    reject(error);
    this.onEnd(true);
  }

  /* The executor of all promises. It is called at once, so that one function can
   * serve all readers: one for each would be 100 bytes of a connection. */
  static readonly #executor = (
    resolve: (result: Result) => void,
    reject: (error: Error) => void,
  ): void => {
    const reader = ChunkReader.#current!;
    ChunkReader.#current = undefined;
    reader.#resolve = resolve;
    reader.#reject = reject;
  };
  /** The reader whose promise is being made. */
  static #current: ChunkReader | undefined;
}
