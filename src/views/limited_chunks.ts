// Copyright the iocp authors. MIT license.
import type { Chunk } from "../socket/chunk_queue.ts";
import { LimitedRead } from "../socket/limited_read.ts";
import type { Limits } from "../options/operation.ts";
import { DONE, type Result } from "../socket/pending_reads.ts";
import type { Socket } from "../socket/socket.ts";

/** A loop over a connection, like {@linkcode Chunks}, each of whose turns has a
 * timeout or a signal. When that ends a turn, the loop is left by an error, so it
 * closes the connection. */
export class LimitedChunks implements AsyncIterableIterator<Chunk, undefined> {
  protected readonly socket: Socket;
  protected readonly limits: Limits;
  readonly #buffer: Uint8Array | undefined;
  #isOver = false;

  constructor(socket: Socket, buffer: Uint8Array | undefined, limits: Limits) {
    this.socket = socket;
    this.limits = limits;
    this.#buffer = buffer;
  }

  async next(): Promise<Result> {
    const { socket } = this;
    if (this.#isOver) return DONE;
    let got: Chunk | number | null;
    try {
      got = await this.makeRead().run();
    } catch (error) {
      this.#isOver = true;
      socket.closeAfter(error);
      throw error;
    }
    if (got === null) {
      if (!socket.settings.allowHalfOpen) socket.close();
      return DONE;
    }
    /* Any buffer is the one passed to Conn.chunks(), which has the type of the
     * chunks. */
    const value = typeof got === "number"
      ? this.#buffer!.subarray(0, got) as Chunk
      : got;
    return { value, done: false };
  }

  return(): Promise<Result> {
    this.#isOver = true;
    this.socket.close();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The read of one turn. */
  protected makeRead(): LimitedRead {
    return new LimitedRead(this.socket, this.#buffer, this.limits, true);
  }
}
