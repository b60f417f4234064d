// Copyright the iocp authors. MIT license.
import { PENDING, SLAB_MIN } from "../native/completion.ts";
import type { NativePort } from "../native/port.ts";
import { runtime } from "../runtime/detect.ts";
import { nodeModule } from "../runtime/globals.ts";

/** The size of a slab. */
export const SLAB_BYTES: number = 256 * 1024;

/* So many buffers are kept for use again. */
const SPARE_MAX = 8;

const { markAsUntransferable } = nodeModule<{
  markAsUntransferable(buffer: ArrayBuffer): void;
}>("node:worker_threads");

/* One buffer. It is used again when each of its chunks was lent, and given back. */
interface Memory {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The chunks that were made. */
  made: number;
  /** Those that were given back. */
  returned: number;
  /** A chunk is kept by the program, so the buffer must not be transferred. */
  isOwned: boolean;
}

/* A buffer of many chunks must not be transferred with one of them. Some runtimes
 * allow it nevertheless, through a byte stream or transfer(); room() detects it and
 * continues with another one. */
function ownedMemory(): Memory {
  const memory = lentMemory(new ArrayBuffer(SLAB_BYTES));
  markAsUntransferable(memory.bytes.buffer);
  memory.isOwned = true;
  return memory;
}

function lentMemory(buffer: ArrayBuffer): Memory {
  const bytes = new Uint8Array(buffer);
  return { bytes, made: 0, returned: 0, isOwned: false };
}

/**
 * Memory for received bytes, which are handed out as views of it.
 *
 * When it is used up another buffer takes its place; the old one lives for as
 * long as chunks of it are used. While connections borrow chunks, see
 * {@linkcode Slab.addBorrower}, a buffer of which every chunk was given back is
 * transferred, which empties all views of it, and used again.
 */
export class Slab {
  #memory = ownedMemory();
  /* What the records of the last poll refer to. */
  #dispatched = this.#memory;
  /** Kept from the first borrower on; see {@linkcode Runtime.makeBallast}. */
  ballast: unknown;
  /** Where the free part of the buffer begins. */
  offset = 0;
  #borrowers = 0;
  #hasLent = false;
  /* Buffers that are full, and of which chunks are lent. */
  #full = new WeakMap<ArrayBuffer, Memory>();
  #spare: ArrayBuffer[] = [];

  /** True once chunks were borrowed. From then on {@linkcode own} and
   * {@linkcode giveBack} must be called for chunks. */
  get hasLent(): boolean {
    return this.#hasLent;
  }

  /** A connection borrows chunks until the {@linkcode removeBorrower} that pairs
   * with it. */
  addBorrower(): void {
    this.#hasLent = true;
    this.ballast ??= runtime.makeBallast();
    this.#borrowers++;
  }

  removeBorrower(): void {
    if (--this.#borrowers === 0) this.#spare = [];
  }

  /** The buffer that is filled next, with at least SLAB_MIN bytes free. */
  room(): Uint8Array<ArrayBuffer> {
    const { bytes } = this.#memory;
    if (bytes.length > 0 && SLAB_BYTES - this.offset >= SLAB_MIN) return bytes;
    this.#retire();
    this.offset = 0;
    this.#memory = this.#makeMemory();
    return this.#memory.bytes;
  }

  /** Reserves the next `length` bytes of what {@linkcode room} returned. */
  claim(length: number): Uint8Array<ArrayBuffer> {
    const { offset } = this;
    /* The next chunk starts aligned, like those of iocp_poll(). */
    this.offset = Math.min((offset + length + 7) & ~7, SLAB_BYTES);
    this.#memory.made++;
    return this.#memory.bytes.subarray(offset, offset + length);
  }

  /** Reads up to `bytes` of what has arrived for a socket of the port. Returns a
   * chunk, or else the result of iocp_read(). */
  read(
    port: Pick<NativePort, "read">,
    socket: number,
    bytes: number,
  ): Uint8Array<ArrayBuffer> | number {
    const buffer = this.room();
    const length = Math.min(bytes, SLAB_BYTES - this.offset);
    const result = port.read(socket, buffer, this.offset, length);
    return result <= 0 || result === PENDING ? result : this.claim(result);
  }

  /** Up to `count` chunks will be made of what {@linkcode room} has returned, until
   * {@linkcode endDispatch}. So a buffer is not used again before all are made. */
  beginDispatch(count: number): void {
    this.#dispatched = this.#memory;
    this.#memory.made += count;
  }

  /** So many of them were not made. */
  endDispatch(missing: number): void {
    const memory = this.#dispatched;
    memory.made -= missing;
    if (memory !== this.#memory) this.#reuse(memory);
  }

  /** The program keeps a chunk. */
  own({ buffer }: Uint8Array<ArrayBuffer>): void {
    const memory = this.#find(buffer);
    if (memory === undefined || memory.isOwned) return;
    memory.isOwned = true;
    markAsUntransferable(buffer);
    this.#full.delete(buffer);
  }

  /** A chunk is not used any more. */
  giveBack({ buffer }: Uint8Array<ArrayBuffer>): void {
    const memory = this.#find(buffer);
    if (memory === undefined) return;
    memory.returned++;
    if (memory !== this.#memory) this.#reuse(memory);
  }

  #find(buffer: ArrayBuffer): Memory | undefined {
    return buffer === this.#memory.bytes.buffer
      ? this.#memory
      : this.#full.get(buffer);
  }

  /* The buffer has no more room. */
  #retire(): void {
    const memory = this.#memory;
    if (!this.#hasLent || memory.isOwned) return;
    this.#full.set(memory.bytes.buffer, memory);
    this.#reuse(memory);
  }

  #reuse({ bytes: { buffer }, made, returned, isOwned }: Memory): void {
    if (isOwned || returned < made || buffer.byteLength === 0) return;
    this.#full.delete(buffer);
    const spare = transfer(buffer);
    const isWanted = this.#borrowers > 0 && this.#spare.length < SPARE_MAX;
    if (isWanted) this.#spare.push(spare);
  }

  /* While chunks are borrowed, a buffer is marked when a chunk of it is kept. */
  #makeMemory(): Memory {
    return this.#borrowers > 0
      ? lentMemory(this.#spare.pop() ?? new ArrayBuffer(SLAB_BYTES))
      : ownedMemory();
  }
}

/* Its memory in a new buffer; the old one is empty then, and all views of it. */
function transfer(buffer: ArrayBuffer): ArrayBuffer {
  return (buffer as ArrayBuffer & { transfer(): ArrayBuffer }).transfer();
}
