// Copyright the iocp authors. MIT license.
/* The receiving direction of a datagram socket: datagrams that no read has
 * claimed, or reads that wait for datagrams.
 *
 * For loops the library gets credit, and datagrams come with completions. What
 * they have not claimed is bounded by that credit; the system holds the rest in
 * its own buffer, and drops what that has no room for. receive(p) reads from the
 * system directly while nothing comes on credit. */

import type { DatagramAddr } from "./address.ts";
import { Batch } from "./batch.ts";
import { COPY_BELOW } from "../socket/chunk_queue.ts";
import { Fifo } from "../socket/fifo.ts";
import type { Loop } from "../loop/loop.ts";
import { Packed } from "./packed.ts";
import { Peers } from "./peers.ts";
import { PENDING } from "../native/completion.ts";
import type { Reader } from "./readers.ts";
import { SocketError } from "../errors.ts";

/** Bytes of datagrams, with their addresses, that are received ahead of the
 * loops. One batch may exceed it. */
export const AHEAD_MAX: number = 256 * 1024;

/** More than any datagram has; the buffer of receive(p) may be longer. */
const RECEIVE_MAX = 2 ** 29;

/** What a queue needs of its socket. */
export interface ReceiveOwner {
  readonly loop: Loop;
  readonly id: number;
  /** The error for a negative result. */
  failure(result: number, syscall: string, errno?: number): SocketError;
  /** Reports an error that does not end the socket. */
  report(error: SocketError): void;
}

/** The receiving direction of a datagram socket. */
export class ReceiveQueue<A extends DatagramAddr> {
  readonly #owner: ReceiveOwner;
  readonly #peers = new Peers();
  readonly #readers = new Fifo<Reader<A>>();
  readonly #batches = new Fifo<Batch<A>>();
  /** Bytes of the batches. */
  #ahead = 0;
  /** Bytes that the library may still deliver; below zero after a batch that has
   * exceeded it. */
  #credit = 0;
  /** The first reader waits for READABLE. */
  #isArmed = false;
  /** The rest is served in the next turn. */
  #isDeferred = false;
  #isClosed = false;
  /** The slab of the last completion. */
  #slab: Packed | undefined;

  constructor(owner: ReceiveOwner) {
    this.#owner = owner;
  }

  /** Bytes of datagrams that no read has claimed, with their addresses. */
  get ahead(): number {
    return this.#ahead;
  }

  /** Serves the reader when it is its turn. */
  read(reader: Reader<A>): void {
    this.#readers.push(reader);
    if (this.#readers.first === reader) this.#serve();
  }

  /** What `takes` takes of the datagrams that are there, if no other reader comes
   * first. A loop that finds all it needs here costs no reader. */
  takeNow<T>(takes: (batch: Batch<A>) => T): T | undefined {
    const batch = this.#batches.first;
    const isFree = this.#readers.isEmpty && !this.#isDeferred &&
      this.#owner.loop.allowance.isLeft;
    if (batch === undefined || !isFree || batch.isLost) return undefined;
    const { bytes, length } = batch;
    const value = takes(batch);
    this.#keep(batch);
    this.#taken(batch, bytes, length);
    this.#grant();
    return value;
  }

  /** Withdraws a reader; datagrams that arrive later are for the next one. */
  cancel(reader: Reader<A>): void {
    this.#readers.remove(reader);
    this.#serve();
  }

  /** `count` datagrams have arrived, and are in the slab from `offset` on. */
  received(
    slab: Uint8Array<ArrayBuffer>,
    offset: number,
    count: number,
  ): void {
    if (this.#isClosed) {
      this.#giveBack(slab);
      return;
    }
    if (this.#slab?.bytes !== slab) this.#slab = new Packed(slab);
    const batch = new Batch<A>(this.#peers, this.#slab!, offset, count);
    this.#credit -= batch.bytes;
    this.#ahead += batch.bytes;
    const isAwaited = !this.#readers.isEmpty;
    this.#batches.push(batch);
    this.#serve();
    /* A loop that takes one datagram after the other takes the others next. */
    if (!isAwaited && batch.bytes < COPY_BELOW) {
      batch.compact();
      this.#giveBack(slab);
    }
  }

  /** An error of an earlier datagram: for a pending receive(p), or to be
   * reported. */
  failed(result: number, errno: number): void {
    if (this.#isClosed) return;
    const error = this.#owner.failure(result, "recvfrom", errno);
    this.#fail(error);
  }

  readable(): void {
    this.#isArmed = false;
    if (!this.#isClosed) this.#serve();
  }

  /** Ends all loops, and fails other reads with EINTR. */
  close(detail: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const { memory } of this.#batches.removeAll()) this.#giveBack(memory);
    this.#ahead = 0;
    this.#owner.loop.allowance.settle();
    for (const reader of this.#readers.removeAll()) {
      if (reader.isLoop) reader.end();
      else {
        const error = new SocketError("EINTR", { syscall: "recvfrom", detail });
        reader.reject(error);
      }
    }
  }

  #fail(error: SocketError): void {
    const reader = this.#readers.first;
    if (reader === undefined || reader.isLoop) this.#owner.report(error);
    else {
      this.#readers.shift();
      reader.reject(error);
    }
  }

  /* Serves the readers, in order, until one has to wait. */
  #serve(): void {
    const { allowance } = this.#owner.loop;
    for (;;) {
      const reader = this.#readers.first;
      if (reader === undefined || this.#isDeferred) return;
      if (reader.isLost) {
        this.#readers.shift();
        reader.reject(bufferLost());
        continue;
      }
      const batch = this.#batches.first;
      if (batch !== undefined) {
        /* Datagrams may arrive as fast as they are read. */
        if (!allowance.isLeft) this.#serveLater();
        else this.#take(reader, batch);
      } else if (reader.p === undefined) {
        this.#grant();
        return;
      } else if (this.#isArmed || this.#credit > 0) return;
      else if (!allowance.isLeft) this.#serveLater();
      else if (!this.#receiveNow(reader, reader.p)) return;
    }
  }

  #serveLater(): void {
    this.#isDeferred = true;
    this.#owner.loop.allowance.resumeLater(() => {
      this.#isDeferred = false;
      this.#serve();
    });
  }

  #take(reader: Reader<A>, batch: Batch<A>): void {
    const { bytes, length, isLost } = batch;
    if (isLost) {
      this.#batches.shift();
      this.#ahead -= bytes;
      this.#fail(datagramsLost());
      return;
    }
    this.#readers.shift();
    reader.take(batch);
    this.#keep(batch);
    this.#taken(batch, bytes, length);
    if (reader.isLoop) this.#grant();
  }

  /* The program has got datagrams, which it keeps unless they are lent. */
  #keep({ isLent, memory }: Batch<A>): void {
    const { slab } = this.#owner.loop;
    if (slab.hasLent && !isLent) slab.own(memory);
  }

  /* No datagrams are in the memory any more that the program has got. */
  #giveBack(memory: Uint8Array<ArrayBuffer>): void {
    const { slab } = this.#owner.loop;
    if (slab.hasLent) slab.giveBack(memory);
  }

  /* Something was taken of the first batch, which had `bytes` and `length`. */
  #taken(batch: Batch<A>, bytes: number, length: number): void {
    const taken = bytes - batch.bytes;
    this.#ahead -= taken;
    if (batch.length === 0) this.#batches.shift();
    this.#owner.loop.allowance.spend(taken, length - batch.length);
  }

  /* Tops up the credit. It is added in steps of at least half the limit, so that
   * small datagrams cost no call each. */
  #grant(): void {
    const ahead = this.#credit + this.#ahead;
    if (this.#isClosed || 2 * ahead > AHEAD_MAX) return;
    const { loop, id } = this.#owner;
    const bytes = AHEAD_MAX - ahead;
    const result = loop.port.receive(id, bytes);
    if (result < 0) this.#owner.report(this.#owner.failure(result, "recvfrom"));
    else this.#credit += bytes;
  }

  /* Receives from the system. Returns false when the reader has to wait. */
  #receiveNow(reader: Reader<A>, p: Uint8Array): boolean {
    const { loop, id } = this.#owner;
    const header = this.#peers.header;
    const length = Math.min(p.length, RECEIVE_MAX);
    const result = loop.datagrams.receiveFrom(id, p, 0, length, header.bytes);
    if (result === PENDING) {
      this.#isArmed = true;
      return false;
    }
    this.#readers.shift();
    if (result < 0) reader.reject(this.#owner.failure(result, "recvfrom"));
    else {
      reader.filled(header.size(0), result, this.#peers.find(header, 0) as A);
      loop.allowance.spend(result);
    }
    return true;
  }
}

function bufferLost(): TypeError {
  return new TypeError(
    'The "p" argument must keep its buffer while it is received into: it was transferred',
  );
}

function datagramsLost(): SocketError {
  return new SocketError("EFAULT", {
    syscall: "recvfrom",
    detail: "datagrams were in the buffer of another one that was transferred",
  });
}
