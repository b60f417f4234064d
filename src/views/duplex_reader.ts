// Copyright the iocp authors. MIT license.

import { ChunkReader } from "./chunk_reader.ts";
import type { DuplexActivity } from "./duplex_activity.ts";
import { duplexError } from "./duplex_error.ts";
import { copyToBuffer, viewAsBuffer } from "./node_buffer.ts";
import { nextTick } from "../runtime/globals.ts";
import type { Duplex } from "../runtime/node_types.ts";
import { COPY_BELOW } from "../socket/chunk_queue.ts";
import type { Result } from "../socket/pending_reads.ts";

/* IDLE: no chunk is requested. PENDING: one was requested from the connection.
 * PAUSED: pause() has withdrawn the request, which the Duplex does not repeat,
 * because it believes that it is still pending. ENDED: the peer's end has come. */
const IDLE = 0;
const PENDING = 1;
const PAUSED = 2;
const ENDED = 3;
type State = typeof IDLE | typeof PENDING | typeof PAUSED | typeof ENDED;

/** The receiving direction of a duplex: passes the chunks of the connection to
 * its push(), one for each request. */
export class DuplexReader {
  readonly #duplex: Duplex;
  readonly #activity: DuplexActivity;
  readonly #chunks: ChunkReader;
  readonly #chunkMax: number;
  #state: State = IDLE;
  #bytesRead = 0;
  /** Received with the part that was pushed last. */
  #rest: Uint8Array | undefined;

  constructor(duplex: Duplex, activity: DuplexActivity, chunkMax: number) {
    this.#duplex = duplex;
    this.#chunkMax = chunkMax;
    this.#activity = activity;
    this.#chunks = new ChunkReader(activity.socket);
  }

  get bytesRead(): number {
    return this.#bytesRead;
  }

  /** Requests a chunk, unless a request is pending. */
  start(): void {
    const state = this.#state;
    if (state === PENDING || state === ENDED || this.#duplex.destroyed) return;
    this.#state = PENDING;
    this.#activity.setReading(true);
    if (this.#rest === undefined) this.#next();
    /* After the read() that asks for it: bytes that come meanwhile are not
     * announced by an event. */
    else Promise.resolve().then(this.#continue);
  }

  #next(): void {
    this.#chunks.next().then(this.#received, this.#failed);
  }

  #continue = (): void => {
    if (this.#state !== PENDING || this.#duplex.destroyed) return;
    const rest = this.#rest;
    if (rest === undefined) {
      this.#next();
      return;
    }
    this.#state = IDLE;
    this.#pass(rest);
  };

  /** Withdraws the pending request, if there is one. */
  pause(): void {
    if (this.#state !== PENDING || !this.#chunks.cancel()) return;
    this.#state = PAUSED;
    this.#activity.setReading(false);
  }

  /** Requests a chunk if pause() has withdrawn a request. */
  resume(): void {
    if (this.#state === PAUSED) this.start();
  }

  #received = ({ value, done }: Result): void => {
    const duplex = this.#duplex;
    this.#state = IDLE;
    if (duplex.destroyed) return;
    if (done) {
      if (this.#activity.socket.isClosed) duplex.destroy();
      else this.#end();
      return;
    }
    this.#activity.refresh();
    /* A small chunk in the buffer would keep a whole slab alive. */
    const isCopied = !duplex.readableFlowing && value.length < COPY_BELOW;
    this.#pass(isCopied ? copyToBuffer(value) : viewAsBuffer(value));
  };

  /* Passes bytes on in parts. The stream announces a part by an event, after which
   * some consumers read one part, so the next one waits until it is asked for, unless
   * a consumer takes each at once. */
  #pass(bytes: Uint8Array): void {
    const duplex = this.#duplex;
    const max = this.#chunkMax;
    this.#rest = bytes;
    do {
      const left: Uint8Array = this.#rest;
      const isLast = left.length <= max;
      const part = isLast ? left : left.subarray(0, max);
      this.#rest = isLast ? undefined : left.subarray(max);
      this.#bytesRead += part.length;
      this.#push(part);
      if (duplex.destroyed) return;
    } while (
      this.#rest !== undefined && duplex.readableFlowing &&
      duplex.readableLength === 0
    );
  }

  #push(bytes: Uint8Array): void {
    try {
      if (!this.#duplex.push(bytes) && this.#state !== PENDING) {
        this.#activity.setReading(false);
      }
    } catch (error) {
      /* A listener of "data" has thrown. It is rethrown outside of this
       * promise, so that it is an uncaught exception, as in Node, and not an
       * unhandled rejection. */
      nextTick(() => {
        throw error;
      });
      /* The exception kept the Duplex from requesting the next chunk. */
      this.start();
    }
  }

  /** Reads no more, as after the peer's end. */
  end(): void {
    if (this.#state === ENDED || this.#duplex.destroyed) return;
    this.#chunks.cancel();
    if (this.#rest !== undefined) this.#duplex.push(this.#rest);
    this.#rest = undefined;
    this.#end();
  }

  #end(): void {
    this.#state = ENDED;
    this.#duplex.push(null);
    /* Emits "end" also when nothing reads. */
    this.#duplex.read(0);
    this.#activity.setReading(false);
  }

  #failed = (error: Error): void => {
    this.#state = IDLE;
    this.#duplex.destroy(duplexError(error, "read"));
  };
}
