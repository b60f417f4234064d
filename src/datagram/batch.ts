// Copyright the iocp authors. MIT license.

import type { DatagramAddr } from "./address.ts";
import type { Datagram } from "./datagram.ts";
import { Packed, padded } from "./packed.ts";
import type { Peers } from "./peers.ts";

/** The datagrams of one completion, in the order in which they came. They are
 * unpacked when they are read. */
export class Batch<A extends DatagramAddr> {
  readonly #peers: Peers;
  #packed: Packed;
  #at: number;
  #left: number;
  /** Where the last one ends. */
  #end: number;
  #isLent = false;

  /** `count` of them, at least one, begin at `at`. */
  constructor(peers: Peers, packed: Packed, at: number, count: number) {
    this.#peers = peers;
    this.#packed = packed;
    this.#at = this.#end = at;
    this.#left = count;
    for (let i = 0; i < count; i++) this.#end = packed.nextAt(this.#end);
  }

  /** How many were not read. */
  get length(): number {
    return this.#left;
  }

  /** The bytes of those that were not read, with their addresses. */
  get bytes(): number {
    return this.#end - this.#at;
  }

  /** Its memory, which others may share. */
  get memory(): Uint8Array<ArrayBuffer> {
    return this.#packed.bytes;
  }

  /** True if those that are read give their memory back. */
  get isLent(): boolean {
    return this.#isLent;
  }

  /** From now on, those that are read give back the memory that it returns. */
  lend(): Uint8Array<ArrayBuffer> {
    this.#isLent = true;
    return this.memory;
  }

  /** True if the memory was transferred away, and the datagrams with it. */
  get isLost(): boolean {
    return this.#packed.bytes.length === 0;
  }

  /** Moves those that were not read to memory of their own, so that a few
   * datagrams do not keep a whole slab. */
  compact(): void {
    const bytes = this.#packed.bytes.slice(this.#at, this.#end);
    this.#packed = new Packed(bytes);
    this.#end = bytes.length;
    this.#at = 0;
  }

  /** Reads the oldest one. Its data is a part of the batch's memory. */
  shift(): Datagram<A> {
    const packed = this.#packed;
    const dataAt = packed.dataAt(this.#at);
    const length = packed.length(this.#at);
    /* Unlike subarray(), this looks for no species. */
    const data = new Uint8Array(packed.buffer, dataAt, length);
    return this.#read(data, length, padded(dataAt + length));
  }

  /** Reads the oldest one into `p`. */
  shiftInto<B extends ArrayBufferLike>(p: Uint8Array<B>): Datagram<A, B> {
    const packed = this.#packed;
    const at = this.#at;
    const dataAt = packed.dataAt(at);
    const length = Math.min(packed.length(at), p.length);
    p.set(packed.bytes.subarray(dataAt, dataAt + length));
    const data = p.subarray(0, length) as Uint8Array<B>;
    return this.#read(data, length, packed.nextAt(at));
  }

  /** Reads all that are left. */
  shiftAll(): Datagram<A>[] {
    const count = this.#left;
    const all = new Array<Datagram<A>>(count);
    for (let i = 0; i < count; i++) all[i] = this.shift();
    return all;
  }

  /* `next` is where the next one begins. */
  #read<B extends ArrayBufferLike>(
    data: Uint8Array<B>,
    length: number,
    next: number,
  ): Datagram<A, B> {
    const packed = this.#packed;
    const size = packed.size(this.#at);
    const addr = this.#peers.find(packed, this.#at) as A;
    this.#at = next;
    this.#left--;
    return { data, addr, isTruncated: size !== length, size };
  }
}
