// Copyright the iocp authors. MIT license.
/* Datagrams as the library packs them: a struct iocp_datagram each, at a multiple
 * of 8, followed by the path of a unix socket and then by the data, each up to
 * the next multiple of 8. */

import { ADDRESS_BYTES } from "../native/address.ts";
import { DATAGRAM_BYTES } from "../native/completion.ts";

/* The words with the length of the data and with the bytes that were sent. */
const LENGTH_WORD = ADDRESS_BYTES / 4;
const SIZE_WORD = LENGTH_WORD + 1;
/** The family of a unix address, whose `port` is the length of its path. */
const UNIX = 1;
/** The `size` of a truncated datagram whose size the system does not say, as a
 * signed number. */
const UNKNOWN_SIZE = -1;

/** The next multiple of 8. */
export function padded(length: number): number {
  return (length + 7) & ~7;
}

/** Memory with packed datagrams. Offsets are those of the bytes, which begin at
 * the beginning of their buffer. */
export class Packed {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Theirs. Reading it here costs less than from the view. */
  readonly buffer: ArrayBuffer;
  readonly words: Int32Array<ArrayBuffer>;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.bytes = bytes;
    this.buffer = bytes.buffer;
    this.words = new Int32Array(bytes.buffer, 0, bytes.length >> 2);
  }

  /** The bytes of the path that is part of the address. */
  pathLength(at: number): number {
    const word = this.words[at >> 2]!;
    return (word & 0xffff) === UNIX ? word >>> 16 : 0;
  }

  /** The bytes of data that are there. */
  length(at: number): number {
    return this.words[(at >> 2) + LENGTH_WORD]!;
  }

  /** For a datagram that is to be sent. */
  setLength(at: number, length: number): void {
    const word = (at >> 2) + LENGTH_WORD;
    this.words[word] = length;
    this.words[word + 1] = 0;
  }

  /** Gives the datagram at `at` the address of the one at `from`. */
  copyAddress(from: number, at: number): void {
    const { words } = this;
    const first = at >> 2;
    const source = from >> 2;
    for (let i = 0; i < LENGTH_WORD; i++) words[first + i] = words[source + i]!;
    const length = this.pathLength(at);
    if (length === 0) return;
    const pathAt = from + DATAGRAM_BYTES;
    this.bytes.copyWithin(at + DATAGRAM_BYTES, pathAt, pathAt + length);
  }

  /** The bytes that were sent, which may be more; undefined when the system does
   * not say. */
  size(at: number): number | undefined {
    const size = this.words[(at >> 2) + SIZE_WORD]!;
    return size === UNKNOWN_SIZE ? undefined : size;
  }

  /** Where the data begins. */
  dataAt(at: number): number {
    return at + DATAGRAM_BYTES + padded(this.pathLength(at));
  }

  /** Where the next datagram begins. */
  nextAt(at: number): number {
    return this.dataAt(at) + padded(this.length(at));
  }
}
