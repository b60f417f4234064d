// Copyright the iocp authors. MIT license.

import { ChunkReader } from "./chunk_reader.ts";
import type { DuplexActivity } from "./duplex_activity.ts";
import { duplexError } from "./duplex_error.ts";
import { copyToBuffer, viewAsBuffer } from "./node_buffer.ts";
import { nextTick } from "../runtime/globals.ts";
import type { Duplex } from "../runtime/node_types.ts";
import { COPY_BELOW } from "../socket/chunk_queue.ts";
import type { Result } from "../socket/pending_reads.ts";
import type { Socket } from "../socket/socket.ts";

/** The receiving direction of a duplex: passes the chunks of the connection to
 * its push(), one for each request. */
export class DuplexReader {
  readonly #duplex: Duplex;
  readonly #socket: Socket;
  readonly #activity: DuplexActivity;
  readonly #chunks: ChunkReader;
  /** A chunk was requested from the connection. */
  #isReading = false;
  /** pause() has withdrawn the request. The Duplex does not repeat it, because it
   * believes that it is still pending. */
  #isPaused = false;
  /** The peer's end was received. */
  #hasEnded = false;
  #bytesRead = 0;

  constructor(duplex: Duplex, socket: Socket, activity: DuplexActivity) {
    this.#duplex = duplex;
    this.#socket = socket;
    this.#activity = activity;
    this.#chunks = new ChunkReader(socket);
  }

  get bytesRead(): number {
    return this.#bytesRead;
  }

  /** True after pause(), until the next start(). */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Requests a chunk, unless a request is pending. */
  start(): void {
    if (this.#isReading || this.#hasEnded || this.#duplex.destroyed) return;
    this.#isReading = true;
    this.#isPaused = false;
    this.#activity.setReading(true);
    this.#chunks.next().then(this.#received, this.#failed);
  }

  /** Withdraws the pending request, if there is one. */
  pause(): void {
    if (!this.#isReading || !this.#chunks.cancel()) return;
    this.#isReading = false;
    this.#isPaused = true;
    this.#activity.setReading(false);
  }

  #received = ({ value, done }: Result): void => {
    const duplex = this.#duplex;
    this.#isReading = false;
    if (duplex.destroyed) return;
    if (done) {
      if (this.#socket.isClosed) duplex.destroy();
      else this.#end();
      return;
    }
    this.#bytesRead += value.length;
    this.#activity.refresh();
    /* A small chunk that is not consumed at once would hold a whole slab. */
    const isCopied = !duplex.readableFlowing && value.length < COPY_BELOW;
    this.#push(isCopied ? copyToBuffer(value) : viewAsBuffer(value));
  };

  #push(bytes: Uint8Array): void {
    try {
      if (!this.#duplex.push(bytes) && !this.#isReading) {
        this.#activity.setReading(false);
      }
    } catch (error) {
      /* A listener of "data" has thrown. That is an uncaught exception, not the
       * rejection of a promise that the program does not know. */
      nextTick(() => {
        throw error;
      });
      /* It has kept the Duplex from requesting the next chunk. */
      this.start();
    }
  }

  #end(): void {
    this.#hasEnded = true;
    this.#duplex.push(null);
    /* Emits "end" also when nothing reads. */
    this.#duplex.read(0);
    this.#activity.setReading(false);
  }

  #failed = (error: Error): void => {
    this.#isReading = false;
    this.#duplex.destroy(duplexError(error, "read"));
  };
}
