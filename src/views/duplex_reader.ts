// Copyright the iocp authors. MIT license.

import type { DuplexActivity } from "./duplex_activity.ts";
import { duplexError } from "./duplex_error.ts";
import { copyToBuffer, viewAsBuffer } from "./node_buffer.ts";
import { nextTick } from "../runtime/globals.ts";
import type { Duplex } from "../runtime/node_types.ts";
import { type Chunk, COPY_BELOW } from "../socket/chunk_queue.ts";
import type { PendingRead } from "../socket/pending_reads.ts";

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
export class DuplexReader implements PendingRead {
  readonly #duplex: Duplex;
  readonly #activity: DuplexActivity;
  readonly #chunkMax: number;
  #state: State = IDLE;
  /** The receive queue has this read. */
  #isQueued = false;
  /** The chunk that has come, or null for the end. */
  #got: Chunk | null = null;
  /** {@linkcode end} was called while a chunk was on its way. */
  #endsNext = false;
  /** The stream was destroyed. It may have another connection by now. */
  #isOver = false;
  #bytesRead = 0;

  constructor(duplex: Duplex, activity: DuplexActivity, chunkMax: number) {
    this.#duplex = duplex;
    this.#chunkMax = chunkMax;
    this.#activity = activity;
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
    this.#isQueued = true;
    this.#activity.socket.receive.enqueue(this);
  }

  /** Withdraws the pending request, if there is one. As in Node, pause() has no effect
   * while something listens to "readable". */
  pause(): void {
    if (this.#duplex.listenerCount("readable") > 0) return;
    if (this.#state !== PENDING || !this.#cancel()) return;
    this.#state = PAUSED;
    this.#activity.setReading(false);
  }

  /** Requests a chunk if pause() has withdrawn a request. */
  resume(): void {
    if (this.#state === PAUSED) this.start();
  }

  #cancel(): boolean {
    if (!this.#isQueued) return false;
    this.#isQueued = false;
    this.#activity.socket.receive.cancel(this);
    return true;
  }

  /* What follows up to #received is for the queue, which must not run user code. */

  get buffer(): undefined {
    return undefined;
  }

  get isLoop(): boolean {
    return true;
  }

  resolve(got: Chunk | number | null): void {
    this.#isQueued = false;
    /* There is no buffer, so it is no number. */
    this.#got = got as Chunk | null;
    Promise.resolve().then(this.#received);
  }

  reject(error: Error): void {
    this.#isQueued = false;
    Promise.resolve(error).then(this.#failed);
  }

  #received = (): void => {
    const duplex = this.#duplex;
    const value = this.#got;
    this.#got = null;
    if (this.#isOver || duplex.destroyed) return;
    if (this.#state === ENDED) return;
    this.#state = IDLE;
    if (value === null) {
      if (this.#activity.socket.isClosed) duplex.destroy();
      else this.#end();
      return;
    }
    this.#activity.refresh();
    /* A small chunk in the buffer would keep a whole slab alive. */
    const isCopied = !duplex.readableFlowing && value.length < COPY_BELOW;
    const bytes = isCopied ? copyToBuffer(value) : viewAsBuffer(value);
    const max = this.#chunkMax;
    let at = 0;
    for (; bytes.length - at > max; at += max) {
      this.#bytesRead += max;
      this.#push(bytes.subarray(at, at + max));
      if (this.#isOver || duplex.destroyed) return;
    }
    this.#bytesRead += bytes.length - at;
    this.#push(at === 0 ? bytes : bytes.subarray(at));
    if (!this.#endsNext) return;
    this.#cancel();
    this.#end();
  };

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
    this.#endsNext = this.#state === PENDING && !this.#cancel();
    if (!this.#endsNext) this.#end();
  }

  #end(): void {
    this.#state = ENDED;
    this.#duplex.push(null);
    /* Emits "end" also when nothing reads. */
    this.#duplex.read(0);
    this.#activity.setReading(false);
  }

  /** The stream is destroyed: nothing is passed to it any more. */
  stop(): void {
    this.#isOver = true;
  }

  #failed = (error: Error): void => {
    this.#state = IDLE;
    if (!this.#isOver) this.#duplex.destroy(duplexError(error, "read"));
  };
}
