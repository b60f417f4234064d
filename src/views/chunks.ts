// Copyright the iocp authors. MIT license.
import { DONE, type LoopReader, type Result } from "../socket/receive_queue.ts";
import type { Socket } from "../socket/socket.ts";

/**
 * A loop over a connection, which is closed by whoever leaves the loop.
 *
 * It is also who waits for the next chunk, so that a message needs no object for
 * that, and an idle connection has one less.
 */
export class Chunks
  implements AsyncIterableIterator<Uint8Array, undefined>, LoopReader {
  readonly #stream: Socket;
  /** Where the chunks go; without it they are the user's to keep. */
  readonly buffer: Uint8Array | undefined;
  /** The functions of the promise that is waited with. */
  #resolve: ((result: Result) => void) | undefined;
  #reject: ((error: Error) => void) | undefined;

  constructor(stream: Socket, buffer?: Uint8Array) {
    this.#stream = stream;
    this.buffer = buffer;
    this.#resolve = undefined;
    this.#reject = undefined;
  }

  next(): Promise<Result> {
    /* Who asks again before he was answered waits as somebody else. */
    const reader = this.#resolve === undefined
      ? this
      : new Chunks(this.#stream, this.buffer);
    return this.#stream.receive.next(reader);
  }

  /** Asks no longer, and its promise is left as it is; what comes is the next
   * reader's. False when the answer is on its way already. */
  giveUp(): boolean {
    if (this.#resolve === undefined) return false;
    this.#resolve = this.#reject = undefined;
    this.#stream.receive.takeBack(this);
    return true;
  }

  return(): Promise<Result> {
    this.#stream.close();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /* What follows is for the queue. */

  isLoop(): boolean {
    return true;
  }

  makePromise(): Promise<Result> {
    Chunks.#asked = this;
    return new Promise(Chunks.#wait);
  }

  resolve(got: Uint8Array | number | null): void {
    const resolve = this.#resolve!;
    this.#resolve = this.#reject = undefined;
    if (got === null) resolve(DONE);
    else if (typeof got !== "number") resolve({ value: got, done: false });
    else resolve({ value: this.buffer!.subarray(0, got), done: false });
  }

  reject(error: Error): void {
    const reject = this.#reject!;
    this.#resolve = this.#reject = undefined;
    reject(error);
  }

  /* The executor of every promise. It is called at once, so one function does
   * for all loops; one of its own would be 100 bytes of each. */
  static readonly #wait = (
    resolve: (result: Result) => void,
    reject: (error: Error) => void,
  ): void => {
    const chunks = Chunks.#asked!;
    Chunks.#asked = undefined;
    chunks.#resolve = resolve;
    chunks.#reject = reject;
  };
  /** Whose promise is being made. */
  static #asked: Chunks | undefined;
}
