// Copyright the iocp authors. MIT license.
import type { Chunk } from "../socket/chunk_queue.ts";
import { ChunkReader } from "./chunk_reader.ts";
import { DONE, type Result } from "../socket/pending_reads.ts";

/**
 * A loop over a connection, whose end closes the connection: by `break`, by an
 * error, or at the peer's end. Only `allowHalfOpen` leaves the connection open
 * after the peer's end, for an answer.
 */
export class Chunks extends ChunkReader
  implements AsyncIterableIterator<Chunk, undefined> {
  return(): Promise<Result> {
    this.socket.close();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  protected override clone(): Chunks {
    return new Chunks(this.socket, this.buffer);
  }

  protected override onEnd(isError: boolean): void {
    const { socket } = this;
    if (isError || !socket.settings.allowHalfOpen) socket.close();
  }
}
