// Copyright the iocp authors. MIT license.

import type { Chunk } from "../socket/chunk_queue.ts";

const EMPTY: Chunk = new Uint8Array(0);
const NEWLINE = 10;
/** A message of more bytes is collected in memory of its own ... */
const COLLECT_MIN = 4096;
/** ... at once up to this length, and otherwise when a part of it has come, so that a
 * peer cannot fill the memory by lengths alone. */
const COLLECT_MAX = 256 * 1024;
const COLLECT_PART = 4;
/** Bytes of a message of this length and more are received where they stay. What comes
 * before them, its header, is received in a small piece then. */
const LARGE_MIN = 16 * 1024;
const HEADER_ROOM = 1024;
const GROWING_ROOM = 64 * 1024;
/** More unused room than this is given back while the reader is idle. */
const SPARE_BYTES = 4096;

/**
 * The bytes that a reader has and has not used yet, in one piece, which the bytes of a
 * message may follow whose length is known.
 *
 * A chunk that comes while there are none is used where it is, without a copy. Before
 * user code can run, {@linkcode own} copies what is left of it: a chunk may be a part
 * of a slab, or of a buffer that its owner uses again.
 */
export class ByteBuffer {
  #bytes: Uint8Array = EMPTY;
  #start = 0;
  #end = 0;
  #isOwn = true;
  /* So many bytes are known to have no newline. */
  #searched = 0;
  #bytesUsed = 0;
  /* The message, so many bytes of which have come, and what has come behind it. */
  #message: Chunk | undefined;
  #collected = 0;
  #rest: Uint8Array = EMPTY;
  /* The last message was large, so the next one may be. */
  #isLarge = false;
  /* A message is awaited that is too long to be collected yet. */
  #isGrowing = false;

  get length(): number {
    return this.#size + this.#collected + this.#rest.length;
  }

  /* Without the message. */
  get #size(): number {
    return this.#end - this.#start;
  }

  /** The number of bytes that were skipped, taken and moved. */
  get bytesUsed(): number {
    return this.#bytesUsed;
  }

  /** Adds a chunk that is not empty. */
  push(chunk: Uint8Array): void {
    const message = this.#message;
    if (message !== undefined && this.#rest.length === 0) {
      const count = Math.min(chunk.length, message.length - this.#collected);
      const isWhole = count === chunk.length;
      message.set(isWhole ? chunk : chunk.subarray(0, count), this.#collected);
      this.#collected += count;
      if (!isWhole) this.#rest = chunk.subarray(count);
      return;
    }
    this.#merge();
    const length = this.#size;
    if (length === 0) {
      this.#set(chunk, 0, chunk.length, false);
      return;
    }
    const needed = length + chunk.length;
    if (!this.#isOwn || this.#end + chunk.length > this.#bytes.length) {
      if (this.#isOwn && needed <= this.#bytes.length && this.#start > length) {
        this.#bytes.copyWithin(0, this.#start, this.#end);
        this.#start = 0;
        this.#end = length;
      } else this.#move(Math.max(needed, 2 * length));
    }
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** Where the next bytes are best put, if not in a chunk; {@linkcode filled} must
   * follow when they are there. */
  makeRoom(): Uint8Array | undefined {
    const message = this.#message;
    if (message !== undefined) {
      /* It is full if the call that it was for has ended. */
      const isFull = this.#collected === message.length;
      return isFull ? undefined : message.subarray(this.#collected);
    }
    const size = this.#size;
    if (size === 0) {
      return this.#isLarge ? new Uint8Array(HEADER_ROOM) : undefined;
    }
    if (!this.#isGrowing) return undefined;
    const capacity = Math.max(GROWING_ROOM, 2 * size);
    if (!this.#isOwn || this.#bytes.length - this.#end < size) {
      this.#move(capacity);
    }
    return this.#bytes.subarray(this.#end);
  }

  /** Bytes were put into what {@linkcode makeRoom} has returned. The buffer may have
   * changed meanwhile. */
  filled(room: Uint8Array, count: number): void {
    const message = this.#message;
    if (message !== undefined) {
      if (isAt(room, message, this.#collected)) this.#collected += count;
      else this.push(room.subarray(0, count));
    } else if (this.#isOwn && isAt(room, this.#bytes, this.#end)) {
      this.#end += count;
    } else this.push(room.subarray(0, count));
  }

  /** Makes sure that the bytes are in memory of their own, and that they occupy
   * little more than they need. */
  own(): void {
    if (this.#rest.length > 0) this.#merge();
    const length = this.#size;
    if (length === 0) {
      if (this.#bytes !== EMPTY) this.#set(EMPTY, 0, 0, true);
    } else if (
      !this.#isOwn || this.#bytes.length > 4 * length + SPARE_BYTES
    ) this.#move(length);
  }

  /** Where the first newline is, or -1. */
  findNewline(): number {
    this.#merge();
    const at = this.#bytes.indexOf(NEWLINE, this.#start + this.#searched);
    /* An own buffer has old bytes behind its end. */
    if (at < 0 || at >= this.#end) {
      this.#searched = this.#size;
      return -1;
    }
    return this.#searched = at - this.#start;
  }

  /** Where the last newline before `end` is, or -1. */
  findLastNewline(end: number): number {
    return this.#bytes.lastIndexOf(NEWLINE, this.#start + end - 1) -
      this.#start;
  }

  /** Where the sequence begins that is at or behind `from`, or -1. */
  find(sequence: Uint8Array, from: number): number {
    this.#merge();
    const { length } = this;
    const last = length - sequence.length;
    for (let at = from; at <= last; at++) {
      at = this.#bytes.indexOf(sequence[0]!, this.#start + at) - this.#start;
      if (at < 0 || at > last) return -1;
      if (this.#hasAt(sequence, at)) return at;
    }
    return -1;
  }

  #hasAt(sequence: Uint8Array, at: number): boolean {
    const start = this.#start + at;
    for (let index = 1; index < sequence.length; index++) {
      if (this.#bytes[start + index] !== sequence[index]) return false;
    }
    return true;
  }

  /** One byte. */
  at(index: number): number {
    const size = this.#size;
    if (index < size) return this.#bytes[this.#start + index]!;
    return this.#message![index - size]!;
  }

  /** The first bytes, which are valid until the next change. */
  view(end: number): Uint8Array {
    this.#merge();
    return this.#bytes.subarray(this.#start, this.#start + end);
  }

  /** Removes the first bytes. */
  skip(count: number): void {
    this.#merge();
    this.#start += count;
    this.#searched = 0;
    this.#bytesUsed += count;
  }

  /** Removes the first bytes and returns them from `start` on, in memory of their
   * own. */
  take(count: number, start = 0): Chunk {
    const message = this.#message;
    this.#isLarge = count - start >= LARGE_MIN;
    this.#isGrowing = false;
    if (message !== undefined && this.#isCollecting(count, start)) {
      const rest = this.#rest;
      this.#forget();
      this.#set(rest, 0, rest.length, rest === EMPTY);
      this.#bytesUsed += count;
      return message;
    }
    this.#merge();
    const bytes = this.#bytes.slice(this.#start + start, this.#start + count);
    this.skip(count);
    return bytes as Chunk;
  }

  /** A {@linkcode take} will follow when enough bytes have come: those that come now
   * may be put into its result. */
  collect(count: number, start = 0): void {
    const { length } = this;
    if (length < start || count - start < COLLECT_MIN) return;
    const isPart = COLLECT_PART * length < count;
    if (this.#isCollecting(count, start)) return;
    this.#merge();
    this.#isGrowing = count > COLLECT_MAX && isPart;
    if (this.#isGrowing) return;
    const message = new Uint8Array(count - start);
    message.set(this.view(length).subarray(start));
    this.#end = this.#start + start;
    this.#message = message;
    this.#collected = length - start;
  }

  #isCollecting(count: number, start: number): boolean {
    return this.#message?.length === count - start && this.#size === start;
  }

  /* Puts the message behind the other bytes: it is not taken as it was announced. */
  #merge(): void {
    const message = this.#message;
    if (message === undefined) return;
    const collected = this.#collected;
    const rest = this.#rest;
    this.#forget();
    if (this.#size === 0) this.#set(message, 0, collected, true);
    else if (collected > 0) this.push(message.subarray(0, collected));
    if (rest.length > 0) this.push(rest);
  }

  #forget(): void {
    this.#message = undefined;
    this.#collected = 0;
    this.#rest = EMPTY;
  }

  /** Moves as many bytes into `p` as there are and as it has room for. */
  moveTo(p: Uint8Array): number {
    const count = Math.min(this.length, p.length);
    p.set(this.view(count));
    this.skip(count);
    return count;
  }

  /** Removes all bytes, which do not count as used, and returns them in memory of
   * their own. */
  removeAll(): Chunk {
    const bytes = this.view(this.length).slice() as Chunk;
    this.#set(EMPTY, 0, 0, true);
    return bytes;
  }

  #move(capacity: number): void {
    const length = this.#size;
    const bytes = new Uint8Array(capacity);
    bytes.set(this.#bytes.subarray(this.#start, this.#end));
    const searched = this.#searched;
    this.#set(bytes, 0, length, true);
    this.#searched = searched;
  }

  #set(bytes: Uint8Array, start: number, end: number, isOwn: boolean): void {
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    this.#isOwn = isOwn;
    this.#searched = 0;
  }
}

/* Whether the room begins at that place of the bytes. */
function isAt(room: Uint8Array, bytes: Uint8Array, index: number): boolean {
  return room.buffer === bytes.buffer &&
    room.byteOffset === bytes.byteOffset + index;
}
