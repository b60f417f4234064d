// Copyright the iocp authors. MIT license.

import { ByteBuffer } from "./byte_buffer.ts";
import type { ByteSink, ByteSource } from "./byte_source.ts";
import type { Limits } from "../options/operation.ts";
import { reasonOf } from "../options/signal.ts";
import { type CallOwner, PendingCall } from "./pending_call.ts";
import { emptyFifo, pushed } from "../socket/fifo.ts";
import type { Want } from "./want.ts";

/** A loop that has looked at bytes of the buffer and has not removed them yet. */
export interface Lookahead {
  /** Removes those bytes from the buffer whose results were given out. */
  commit(buffer: ByteBuffer): void;
}

/**
 * The calls of a reader, in order, and the bytes that none of them has used. A call
 * that the buffer satisfies settles at once. Otherwise chunks are requested until it
 * is satisfied, and it takes nothing from the buffer before: a call that is ended by
 * its timeout or signal leaves all bytes to the next one.
 */
export class ReadCalls implements ByteSink, CallOwner {
  readonly source: ByteSource;
  readonly #buffer = new ByteBuffer();
  #calls = emptyFifo<PendingCall<unknown>>();
  #lookahead: Lookahead | undefined;
  #isRequested = false;
  #isRunning = false;

  constructor(source: ByteSource) {
    this.source = source;
  }

  /** Removes from the buffer what a loop has given out. */
  commit(): void {
    this.#committed();
  }

  #committed(): ByteBuffer {
    const lookahead = this.#lookahead;
    this.#lookahead = undefined;
    lookahead?.commit(this.#buffer);
    return this.#buffer;
  }

  get isBusy(): boolean {
    return !this.#calls.isEmpty;
  }

  get unused(): number {
    return this.#committed().length;
  }

  /** The number of bytes that calls and loops have used. */
  get bytesUsed(): number {
    return this.#committed().bytesUsed;
  }

  /** A loop has looked at bytes, which stay in the buffer until the next call. */
  lookAhead(lookahead: Lookahead): void {
    this.#lookahead = lookahead;
  }

  /** Starts a call, behind those that are pending. */
  call<T>(want: Want<T>, limits: Limits | undefined): Promise<T> {
    const buffer = this.#committed();
    const signal = limits?.signal;
    if (signal?.aborted) return Promise.reject(reasonOf(signal));
    if (!this.isBusy) {
      try {
        const got = want.take(buffer);
        if (got !== undefined) return Promise.resolve(got);
      } catch (error) {
        return Promise.reject(error);
      }
    }
    const call = new PendingCall(this, want);
    try {
      if (limits !== undefined) call.limit(limits);
    } catch (error) {
      return Promise.reject(error);
    }
    this.#calls = pushed(this.#calls, call as PendingCall<unknown>);
    this.#run(false);
    return call.promise;
  }

  /** Fails the calls that are pending, and leaves the bytes that were not used to
   * others. */
  release(): Promise<void> {
    const detail = "the reader was released";
    if (this.isBusy) this.#failAll(this.source.error("EINTR", { detail }));
    if (this.#isRequested) this.#isRequested = !this.source.withdraw();
    return this.source.release();
  }

  withdraw(call: PendingCall<unknown>): boolean {
    /* What has come in time counts, also if it was left to the next turn. */
    this.source.settle();
    const { length } = this.#calls;
    this.#calls.remove(call);
    if (this.#calls.length === length) return false;
    if (this.isBusy) this.#run(true);
    /* The others may have what they want in the buffer. */
    if (!this.isBusy && this.#isRequested) {
      this.#isRequested = !this.source.withdraw();
    }
    return true;
  }

  giveBack(): Uint8Array<ArrayBuffer> | undefined {
    const buffer = this.#committed();
    return buffer.length === 0 ? undefined : buffer.removeAll();
  }

  makeRoom(): Uint8Array | undefined {
    return this.#buffer.makeRoom();
  }

  filled(room: Uint8Array, count: number): void {
    this.#isRequested = false;
    this.#buffer.filled(room, count);
    this.#run(true);
  }

  deliver(chunk: Uint8Array): void {
    this.#isRequested = false;
    this.#buffer.push(chunk);
    this.#run(true);
  }

  end(): void {
    this.#isRequested = false;
    for (let call; (call = this.#calls.shift()) !== undefined;) {
      call.end(this.#committed());
    }
    this.#buffer.own();
  }

  fail(error: unknown): void {
    this.#isRequested = false;
    this.#failAll(error);
  }

  #failAll(error: unknown): void {
    for (let call; (call = this.#calls.shift()) !== undefined;) {
      call.fail(this.#committed(), error);
    }
    this.#buffer.own();
  }

  /* Settles the calls that the buffer satisfies, and requests bytes for the first
   * one that is left. */
  #run(isContinued: boolean): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    for (let call; (call = this.#calls.first) !== undefined;) {
      if (call.take(this.#committed())) {
        this.#calls.shift();
        isContinued = false;
        continue;
      }
      if (this.#isRequested) break;
      this.#isRequested = true;
      /* The next chunk may take the place of this one. */
      this.#buffer.own();
      this.source.request(this, isContinued);
      if (this.#isRequested) break;
      isContinued = true;
    }
    this.#isRunning = false;
    this.#buffer.own();
  }
}
