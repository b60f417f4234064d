// Copyright the iocp authors. MIT license.

import type { DuplexActivity } from "./duplex_activity.ts";
import { duplexError } from "./duplex_error.ts";
import { copyToBuffer, viewAsBuffer } from "./node_buffer.ts";
import { nextTick } from "../runtime/globals.ts";
import type { Duplex } from "../runtime/node_types.ts";
import { type Chunk, COPY_BELOW } from "../socket/chunk_queue.ts";
import { StreamRead } from "../socket/stream_read.ts";

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
export class DuplexReader extends StreamRead {
  readonly #duplex: Duplex;
  readonly #activity: DuplexActivity;
  readonly #chunkMax: number;
  #state: State = IDLE;
  /** The receive queue has this read. */
  #isQueued = false;
  /** {@linkcode end} was called while a chunk was on its way. */
  #endsNext = false;
  /** The stream was destroyed. It may have another connection by now. */
  #isOver = false;
  #bytesRead = 0;
  /** Received with the part that was pushed last. */
  #rest: Uint8Array | undefined;

  constructor(duplex: Duplex, activity: DuplexActivity, chunkMax: number) {
    super();
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
    /* After the read() that asks for it: a part that comes meanwhile is not announced
     * by an event. */
    if (this.#rest === undefined) this.#enqueue();
    else Promise.resolve().then(this.#continue);
  }

  #enqueue(): void {
    this.#isQueued = true;
    this.#activity.socket.receive.enqueue(this);
  }

  #continue = (): void => {
    const rest = this.#rest;
    if (this.#isOver || this.#duplex.destroyed) return;
    if (this.#state !== PENDING) return;
    if (rest === undefined) this.#enqueue();
    else {
      this.#state = IDLE;
      this.#pass(rest);
    }
  };

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
    const { loop, receive } = this.#activity.socket;
    /* The result may have been left to the next turn. */
    loop.allowance.settle();
    if (!this.#isQueued) return false;
    this.#isQueued = false;
    receive.cancel(this);
    return true;
  }

  override resolve(got: Chunk | number | null): void {
    this.#isQueued = false;
    super.resolve(got);
  }

  override reject(error: Error): void {
    this.#isQueued = false;
    super.reject(error);
  }

  protected override received(value: Chunk | null): void {
    const duplex = this.#duplex;
    if (this.#isOver || duplex.destroyed || this.#state === ENDED) return;
    this.#state = IDLE;
    if (value === null) {
      if (this.#activity.socket.isClosed) duplex.destroy();
      else this.#end();
      return;
    }
    this.#activity.refresh();
    /* A small chunk in the buffer would keep a whole slab alive. */
    const isCopied = !duplex.readableFlowing && value.length < COPY_BELOW;
    this.#pass(isCopied ? copyToBuffer(value) : viewAsBuffer(value));
  }

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
      if (this.#isOver || duplex.destroyed) return;
    } while (
      this.#rest !== undefined && duplex.readableFlowing &&
      duplex.readableLength === 0
    );
    if (this.#endsNext) this.#endNow();
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
    this.#endsNext = this.#state === PENDING && !this.#cancel();
    if (!this.#endsNext) this.#endNow();
  }

  /* What has come is passed on before. */
  #endNow(): void {
    const rest = this.#rest;
    this.#rest = undefined;
    this.#cancel();
    if (rest !== undefined) {
      this.#bytesRead += rest.length;
      this.#duplex.push(rest);
    }
    this.#end();
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

  protected override failed(error: Error): void {
    this.#state = IDLE;
    if (!this.#isOver) this.#duplex.destroy(duplexError(error, "read"));
  }
}
