// Copyright the iocp authors. MIT license.
/* One connection of the library, as ffi/include documents it, without a system: a
 * plain reference for tests of what stands on it. A call that the contract does not
 * allow fails the test. */

import assert from "node:assert/strict";
import { errorOf } from "../../src/errors.ts";
import { GRACEFUL, PENDING } from "../../src/native/completion.ts";
import { NO_SOCKET_STATS } from "../../src/native/port.ts";
import type { Endpoint } from "../../src/loop/endpoint.ts";
import type { SocketLoop, SocketPort } from "../../src/loop/socket_loop.ts";
import { Allowance } from "../../src/socket/allowance.ts";
import { Deadlines } from "../../src/loop/deadlines.ts";
import { WatchedSlab } from "./watched_slab.ts";

/* Numbers of iocp_error.h. */
export const ENOBUFS = 105;
export const ECONNRESET = 104;
const EPIPE = 32;

/** The most that one call copies. The library's own is larger. */
export const COPY_MAX = 1000;

/** The byte at a place of a stream. */
export function byteAt(stream: number, place: number): number {
  return (stream * 31 + place * 7 + (place >> 8)) & 255;
}

/** The bytes of a stream from `place` on. */
export function bytesAt(
  stream: number,
  place: number,
  length: number,
): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => byteAt(stream, place + i));
}

/** The stream that the peer sends. */
export const PEER_STREAM = 255;

/** One connection, whose peer and system the test moves. */
export class FakeLibrary implements SocketLoop {
  readonly id = 1;
  readonly slab: WatchedSlab = new WatchedSlab();
  readonly allowance: Allowance = new Allowance();
  readonly deadlines: Deadlines = new Deadlines(() => {});
  readonly port = this.#makePort();
  holds = 0;
  #endpoint!: Endpoint;

  /* The receiving direction. */
  arrived = 0;
  delivered = 0;
  hasFin = false;
  credit = 0;
  isArmed = false;
  hasReportedEnd = false;
  /* The sending direction. */
  readonly accepted: number[] = [];
  readonly copies: number[] = [];
  concurrency = 1;
  /** What the system takes at once. */
  room = 0;
  sendFails = 0;
  shutdown: "no" | "pending" | "done" = "no";
  /* Both. */
  resetBy = 0;
  closeMode: number | undefined;
  isClosed = false;

  add(endpoint: Endpoint): void {
    this.#endpoint = endpoint;
  }
  openFile(): never {
    throw new Error("it has no files");
  }
  ref(): void {
    this.holds++;
  }
  unref(): void {
    this.holds--;
  }

  /* ---- the calls */

  #makePort(): SocketPort {
    const unanswered = () => {
      throw new Error("not asked here");
    };
    return {
      address: unanswered,
      addressBytes: unanswered,
      peer: unanswered,
      tcpInfo: unanswered,
      getOption: () => 0,
      setOption: () => 0,
      hasProgressed: () => false,
      socketStats: () => ({
        ...NO_SOCKET_STATS,
        bytesReadable: this.arrived - this.delivered,
      }),
      error: (result, options) =>
        errorOf(result, { ...options, errno: options.errno ?? -result }),
      receive: (_id, bytes) => this.#receive(bytes),
      read: (_id, buffer, offset, length) => this.#read(buffer, offset, length),
      send: (_id, bytes, offset, length) => this.#send(bytes, offset, length),
      shutdown: () => this.#shutdown(),
      close: (_id, mode) => this.#close(mode),
    };
  }

  #checkOpen(call: string): void {
    assert.equal(this.closeMode, undefined, `${call} after a close`);
    assert.equal(this.isClosed, false, `${call} after CLOSED`);
  }

  #receive(bytes: number): number {
    this.#checkOpen("receive");
    assert.ok(!this.isArmed, "receive while a read is armed");
    assert.ok(!this.hasReportedEnd, "receive after the end");
    assert.ok(bytes > 0 && Number.isInteger(bytes));
    this.credit += bytes;
    return 0;
  }

  #read(buffer: Uint8Array, offset: number, length: number): number {
    this.#checkOpen("read");
    assert.ok(!this.isArmed, "read while a read is armed");
    assert.equal(this.credit, 0, "read while credit is open");
    assert.ok(!this.hasReportedEnd, "read after the end");
    assert.ok(length > 0 && offset + length <= buffer.length);
    const there = this.arrived - this.delivered;
    if (there > 0 && this.resetBy === 0) {
      const count = Math.min(there, length);
      buffer.set(bytesAt(PEER_STREAM, this.delivered, count), offset);
      this.delivered += count;
      return count;
    }
    if (this.resetBy === 0 && !this.hasFin) {
      this.isArmed = true;
      return PENDING;
    }
    this.hasReportedEnd = true;
    return -this.resetBy;
  }

  #send(bytes: Uint8Array, offset: number, length: number): number {
    this.#checkOpen("send");
    assert.ok(this.copies.length < this.concurrency, "too many sends");
    assert.equal(this.shutdown, "no", "send after a shutdown");
    assert.ok(offset + length <= bytes.length);
    if (this.resetBy !== 0) return -this.resetBy;
    if (this.sendFails !== 0) return -this.sendFails;
    const direct = this.copies.length > 0 ? 0 : Math.min(this.room, length);
    this.room -= direct;
    const copied = Math.min(COPY_MAX, length - direct);
    this.accepted.push(...bytes.subarray(offset, offset + direct + copied));
    if (copied === 0) return direct;
    this.copies.push(direct + copied);
    return (direct + copied) | PENDING;
  }

  #shutdown(): number {
    this.#checkOpen("shutdown");
    assert.equal(this.shutdown, "no", "a second shutdown");
    if (this.resetBy !== 0) return -EPIPE;
    this.shutdown = "pending";
    return 0;
  }

  #close(mode: number): number {
    assert.ok(!this.isClosed, "close after CLOSED");
    assert.ok(this.closeMode !== mode, "a second close");
    this.closeMode = mode;
    return 0;
  }

  /* ---- the peer and the system */

  /** The peer has ended, or the connection was reset. */
  get isOver(): boolean {
    return this.hasFin || this.resetBy !== 0;
  }

  arrive(count: number): void {
    if (!this.isOver) this.arrived += count;
  }

  /** Something that a poll would deliver. */
  get hasRecords(): boolean {
    if (this.isClosed) return false;
    if (this.closeMode !== undefined || this.copies.length > 0) return true;
    if (this.shutdown === "pending") return true;
    const there = this.arrived > this.delivered;
    if (this.credit > 0) return there || this.isOver;
    return this.isArmed && (there || this.isOver);
  }

  /**
   * A turn of the loop: delivers the records of one poll, each kind if `wants` says
   * so, and chunks of at most `size` bytes.
   */
  turn(wants: (kind: "receive" | "sent" | "shut") => boolean, size: number) {
    const endpoint = this.#endpoint;
    this.allowance.begin();
    let records = 0;
    /* What is delivered is decided before any of it is handled, as by a poll. */
    const events: (() => void)[] = [];
    if (wants("receive")) this.#pollReceive(events, size);
    if (wants("sent")) this.#pollSent(events);
    if (wants("shut") && this.shutdown === "pending") {
      this.shutdown = "done";
      const error = this.resetBy;
      events.push(() => endpoint.shut!(-error, error));
    }
    if (this.closeMode !== undefined) this.#pollClosed(events);
    for (const event of events) {
      records++;
      event();
    }
    this.allowance.polled(records);
    this.allowance.end();
  }

  #pollReceive(events: (() => void)[], size: number): void {
    const endpoint = this.#endpoint;
    if (this.closeMode !== undefined || this.hasReportedEnd) return;
    const there = this.resetBy !== 0 ? 0 : this.arrived - this.delivered;
    if (this.isArmed) {
      if (there === 0 && !this.isOver) return;
      this.isArmed = false;
      events.push(() => endpoint.readable!());
      return;
    }
    if (this.credit === 0) return;
    const count = Math.min(there, this.credit, size);
    if (count > 0) {
      this.slab.room().set(
        bytesAt(PEER_STREAM, this.delivered, count),
        this.slab.offset,
      );
      const chunk = this.slab.claim(count);
      this.delivered += count;
      this.credit -= count;
      events.push(() => endpoint.received!(chunk));
    } else if (this.isOver) {
      this.hasReportedEnd = true;
      this.credit = 0;
      const result = -this.resetBy;
      events.push(() => endpoint.receiveEnded!(result, this.resetBy));
    }
  }

  #pollSent(events: (() => void)[]): void {
    const endpoint = this.#endpoint;
    if (this.copies.length === 0) return;
    if (this.resetBy !== 0) {
      /* All of them fail, one after the other. */
      for (const _ of this.copies.splice(0)) {
        events.push(() => endpoint.sent!(-this.resetBy, this.resetBy));
      }
      return;
    }
    const bytes = this.copies.shift()!;
    events.push(() => endpoint.sent!(bytes, 0));
  }

  #pollClosed(events: (() => void)[]): void {
    /* A graceful close sends the copies first. */
    if (this.closeMode === GRACEFUL && this.resetBy === 0) {
      if (this.copies.length > 0) return;
    }
    for (const _ of this.copies.splice(0)) {
      events.push(() => this.#endpoint.sent!(-125, 0));
    }
    this.isClosed = true;
    events.push(() => this.#endpoint.closed(0, 0, 0));
  }

  /** The library closes the connection by itself. */
  closeItself(error: number): void {
    if (this.isClosed || this.closeMode !== undefined) return;
    this.isClosed = true;
    this.resetBy = error;
    this.copies.length = 0;
    this.#endpoint.closed(-error, 0, 0);
  }
}
