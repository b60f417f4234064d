// Copyright the iocp authors. MIT license.
/* The receiving direction of a connection: who waits for bytes, and which
 * bytes wait for somebody.
 *
 * Two ways lead out of it. An iterator grants the library credit, and chunks
 * come with the completions; where buffers are posted (see receive_mode.ts) a
 * read() does so too. Otherwise read() into a buffer of the user's, with no
 * credit open, takes the bytes straight from the system, and in "zero-byte"
 * mode an iterator takes them the same way, into the slab. */

import { PENDING } from "../native/completion.ts";
import { SocketError } from "../errors.ts";
import { emptyFifo, pushed } from "./fifo.ts";
import type { Loop } from "../loop/loop.ts";
import { SLAB_BYTES } from "../loop/slab.ts";
import type { ReceiveSettings } from "../options/receive_mode.ts";

/** A chunk that has to wait is copied if it would keep a slab much larger than
 * itself alive. */
export const COPY_BELOW: number = SLAB_BYTES / 4;

/** So much is asked for in one call, of a buffer that may be longer: no length
 * beyond 32 bits can cross. */
const READ_MAX = 2 ** 29;

/** What a loop over a connection gets. */
export type Result = IteratorResult<Uint8Array, undefined>;

/** Somebody who waits: for a chunk, or for bytes in a buffer of his own. */
export interface Reader {
  /** Where the bytes go. Without it he waits for a chunk. */
  readonly buffer: Uint8Array | undefined;
  /** He iterates: a close is the end of his loop, and no error. */
  isLoop(): boolean;
  /** Gives him the chunk or, with a buffer, how much of it was filled; null is
   * the end. */
  resolve(got: Uint8Array | number | null): void;
  reject(error: Error): void;
}

/** Somebody who waits once, with a buffer. */
export function bufferReader(
  buffer: Uint8Array,
  resolve: (count: number | null) => void,
  reject: (error: Error) => void,
): Reader & { buffer: Uint8Array } {
  return {
    buffer,
    isLoop: isNever,
    /* Who has a buffer is never given a chunk. */
    resolve: resolve as Reader["resolve"],
    reject,
  };
}

function isNever(): boolean {
  return false;
}

/** Somebody who iterates. */
export interface LoopReader extends Reader {
  /** What he waits with; his two functions settle it. */
  makePromise(): Promise<Result>;
}

/** The end of a loop. */
export const DONE: Result = Object.freeze({ value: undefined, done: true });

/* Who waits with a buffer of his own has to leave it there. */
function lostBuffer(): TypeError {
  return new TypeError(
    'The "p" argument must keep its buffer while it is read into: it was transferred',
  );
}

/** What a queue asks of its connection. */
export interface ReceiveOwner {
  readonly loop: Loop;
  readonly id: number;
  /** The error for a negative result. */
  failure(result: number, syscall: string, errno?: number): SocketError;
  /** An iterator has been told the end, or an error. */
  iterationEnded(isError: boolean): void;
}

/** The receiving direction of a connection. */
export class ReceiveQueue {
  #owner: ReceiveOwner;
  #settings: ReceiveSettings;
  #chunks = emptyFifo<Uint8Array>();
  #chunksBytes = 0;
  /** Bytes that the library may still deliver. */
  #credit = 0;
  /** Who waits first, and who waits behind him: mostly nobody. */
  #reader: Reader | undefined;
  #others = emptyFifo<Reader>();
  #isReadArmed = false;
  /** Nobody reads any more; see {@linkcode keep}. */
  #isKept = false;
  /** Nothing comes any more: the end, an error, or the connection's close. */
  #isEnded = false;
  #error: Error | undefined;
  /** The peer has said its end. */
  hasPeerEnded = false;

  constructor(owner: ReceiveOwner, settings: ReceiveSettings) {
    this.#owner = owner;
    this.#settings = settings;
  }

  get settings(): ReceiveSettings {
    return this.#settings;
  }

  /** Another way to receive from now on; credit that is out stays out. */
  set settings(settings: ReceiveSettings) {
    this.#settings = settings;
    this.#serve();
  }

  /** Bytes that have been received and wait for a reader. */
  get ahead(): number {
    return this.#chunksBytes;
  }

  /** True once the peer has said its end, or the stream has failed. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** The next chunk of a loop. */
  next(reader: LoopReader): Promise<Result> {
    this.#checkChunks();
    if (this.#chunks.isEmpty) {
      if (this.#isEnded) return this.#endOfIterator();
      const promise = reader.makePromise();
      this.#enter(reader);
      return promise;
    }
    if (reader.buffer === undefined) {
      const chunk = this.#chunks.shift()!;
      this.#chunksBytes -= chunk.length;
      this.#grant();
      const { allowance } = this.#owner.loop;
      return allowance.settled({ value: chunk, done: false }, 0);
    }
    const promise = reader.makePromise();
    this.#fill(reader, reader.buffer);
    return promise;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return new Promise<number | null>((resolve, reject) => {
      this.readBy(bufferReader(buffer, resolve, reject));
    });
  }

  /** The same as {@linkcode read} for somebody who has no use for a promise. */
  readBy(reader: Reader & { buffer: Uint8Array }): void {
    const { buffer } = reader;
    if (buffer.length === 0) {
      this.#answer(reader, 0);
      return;
    }
    this.#checkChunks();
    if (!this.#chunks.isEmpty) this.#answer(reader, this.#copyChunk(buffer));
    else if (!this.#isEnded) this.#enter(reader);
    else if (this.#error === undefined) this.#answer(reader, null);
    else {
      this.#owner.loop.allowance.settle();
      reader.reject(this.#error);
    }
  }

  /** Has a reader wait no longer. Bytes that come are the next one's. */
  takeBack(reader: Reader): void {
    for (const one of this.#takeReaders()) {
      if (one !== reader) this.#push(one);
    }
    this.#serve();
  }

  /** Bytes have come; `chunk` is a part of a slab. */
  received(chunk: Uint8Array): void {
    const { length } = chunk;
    this.#credit -= length;
    const reader = this.#shiftReader();
    if (reader === undefined) {
      const isCopied = this.#isKept || length < COPY_BELOW;
      this.#chunks = pushed(this.#chunks, isCopied ? chunk.slice() : chunk);
      this.#chunksBytes += length;
    } else if (reader.buffer === undefined) {
      reader.resolve(chunk);
      this.#grant();
    } else {
      this.#chunks = pushed(this.#chunks, chunk);
      this.#chunksBytes += length;
      this.#fill(reader, reader.buffer);
    }
    this.#serveFromChunks();
  }

  /** Takes IOCP_READABLE. */
  readable(): void {
    this.#isReadArmed = false;
    this.#serve();
  }

  /** Nothing comes any more; who waits hears of it. Chunks that have come
   * before an end or an error are still read. */
  end(error: Error | undefined): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#error = error;
    this.hasPeerEnded = error === undefined;
    this.#credit = 0;
    this.#owner.loop.allowance.settle();
    let isIterated = false;
    for (const reader of this.#takeReaders()) {
      isIterated ||= reader.isLoop();
      if (error !== undefined) reader.reject(error);
      else reader.resolve(null);
    }
    if (isIterated) this.#owner.iterationEnded(error !== undefined);
  }

  /** The user has closed: iterators are done, reads fail, chunks are gone. */
  close(detail: string): void {
    if (!this.#chunks.isEmpty) this.takeAll();
    this.#interrupt(detail);
    this.#isEnded = true;
    this.#error = undefined;
  }

  /**
   * Nobody reads here any more, but what has come, and what still comes, is
   * kept, in memory that nobody can take away. Throws when somebody has.
   */
  keep(detail: string): void {
    if (this.#error !== undefined) throw this.#error;
    const expected = this.#chunksBytes;
    const chunks = this.#chunks.takeAll();
    this.#isKept = true;
    this.#chunksBytes = 0;
    for (const chunk of chunks) {
      /* One that was taken away has no length any more. */
      if (chunk.length > 0) this.preload(chunk.slice());
    }
    this.#interrupt(detail);
    if (this.#chunksBytes === expected) return;
    this.#lose();
    throw this.#error;
  }

  /* Mostly nobody waits, or a loop: then there is no use for an error, which is
   * dear to make. */
  #interrupt(detail: string): void {
    this.#owner.loop.allowance.settle();
    for (const reader of this.#takeReaders()) {
      if (reader.isLoop()) reader.resolve(null);
      else {
        reader.reject(
          new SocketError("EINTR", { syscall: "read", detail }),
        );
      }
    }
  }

  /** Takes bytes over that came before the connection was this one's. */
  preload(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#chunks = pushed(this.#chunks, bytes);
    this.#chunksBytes += bytes.length;
  }

  /** Takes all bytes that wait, as one. */
  takeAll(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.#chunksBytes);
    let offset = 0;
    for (const chunk of this.#chunks.takeAll()) {
      bytes.set(chunk, offset);
      offset += chunk.length;
    }
    this.#chunksBytes = 0;
    return bytes;
  }

  #enter(reader: Reader): void {
    this.#push(reader);
    if (this.#reader === reader) this.#serve();
  }

  #push(reader: Reader): void {
    if (this.#reader === undefined) this.#reader = reader;
    else this.#others = pushed(this.#others, reader);
  }

  #shiftReader(): Reader | undefined {
    const reader = this.#reader;
    if (reader !== undefined) this.#reader = this.#others.shift();
    return reader;
  }

  #takeReaders(): Reader[] {
    const first = this.#reader;
    if (first === undefined) return [];
    this.#reader = undefined;
    return [first, ...this.#others.takeAll()];
  }

  #endOfIterator(): Promise<Result> {
    const error = this.#error;
    const { allowance } = this.#owner.loop;
    this.#owner.iterationEnded(error !== undefined);
    if (error === undefined) return allowance.settled(DONE, 0);
    allowance.settle();
    /* A loop fails once; after that it is over, like a generator. */
    this.#error = undefined;
    return Promise.reject(error);
  }

  /* Tops the credit up to the limit, in steps of at least half of it, so that
   * small messages cost no call each. */
  #grant(): void {
    const { limit } = this.#settings;
    const ahead = this.#credit + this.#chunksBytes;
    /* What is taken only when it is asked for has no limit, and no credit. */
    if (2 * ahead > limit || limit === 0 || this.#isEnded) return;
    const { loop, id } = this.#owner;
    const bytes = limit - ahead;
    const result = loop.port.receive(id, bytes);
    if (result < 0) {
      this.end(this.#owner.failure(result, "read"));
      return;
    }
    this.#credit += bytes;
  }

  /* Gets the first reader going. */
  #serve(): void {
    while (this.#reader !== undefined && !this.#isEnded) {
      const reader = this.#reader;
      if (this.#isReadArmed) return;
      if (this.#waitsForCompletion(reader)) {
        this.#grant();
        return;
      }
      /* What an iterator asked for comes first, as a chunk. */
      if (this.#credit > 0) return;
      if (!this.#take(reader)) return;
    }
  }

  /* Whether its bytes come with completions; else they are asked for. */
  #waitsForCompletion(reader: Reader): boolean {
    const { mode } = this.#settings;
    if (mode === "zero-byte") return false;
    return reader.buffer === undefined || mode !== "auto";
  }

  /* Takes bytes for a reader straight from the system. Returns false when it
   * has to wait for them, or has met the end. */
  #take(reader: Reader): boolean {
    const { loop, id } = this.#owner;
    if (reader.buffer?.length === 0) {
      this.#shiftReader();
      this.#rejectLost(reader);
      return true;
    }
    const result = reader.buffer === undefined
      ? loop.read(id, this.#settings.bufferSize)
      : loop.port.read(
        id,
        reader.buffer,
        0,
        Math.min(reader.buffer.length, READ_MAX),
      );
    if (result === PENDING) {
      this.#isReadArmed = true;
      return false;
    }
    if (typeof result === "number" && result <= 0) {
      this.end(
        result === 0 ? undefined : this.#owner.failure(result, "read"),
      );
      return false;
    }
    this.#shiftReader();
    this.#answer(reader, result);
    return true;
  }

  /* Settles what a reader waits with, now or in the next turn. */
  #answer(reader: Reader, got: Uint8Array | number | null): void {
    const bytes = typeof got === "number" ? got : got?.length ?? 0;
    const { allowance } = this.#owner.loop;
    if (allowance.spend(bytes)) reader.resolve(got);
    else allowance.defer(() => reader.resolve(got));
  }

  /* A chunk may have been more than its reader took. */
  #serveFromChunks(): void {
    while (this.#reader !== undefined && !this.#chunks.isEmpty) {
      const reader = this.#shiftReader()!;
      if (reader.buffer === undefined) {
        const chunk = this.#chunks.shift()!;
        this.#chunksBytes -= chunk.length;
        reader.resolve(chunk);
      } else {
        this.#fill(reader, reader.buffer);
      }
    }
    if (this.#reader !== undefined) this.#serve();
  }

  /* Answers a read() from the first chunk. */
  #fill(reader: Reader, buffer: Uint8Array): void {
    if (buffer.length === 0) this.#rejectLost(reader);
    else this.#answer(reader, this.#copyChunk(buffer));
  }

  #rejectLost(reader: Reader): void {
    this.#owner.loop.allowance.settle();
    reader.reject(lostBuffer());
    if (reader.isLoop()) this.#owner.iterationEnded(true);
  }

  /* A chunk that waits is part of a slab, which some runtimes let a user take
   * away with another chunk of it. Its bytes are then lost. */
  #checkChunks(): void {
    if (this.#chunks.first?.length === 0) this.#lose();
  }

  #lose(): void {
    this.#chunks.takeAll();
    this.#chunksBytes = 0;
    this.#isEnded = true;
    this.#error = new SocketError("EFAULT", {
      syscall: "read",
      detail: "the bytes were in the buffer of a chunk that was transferred",
    });
  }

  #copyChunk(buffer: Uint8Array): number {
    const chunk = this.#chunks.first!;
    const count = Math.min(chunk.length, buffer.length);
    buffer.set(count < chunk.length ? chunk.subarray(0, count) : chunk);
    if (count < chunk.length) {
      this.#chunks.replaceFirst(chunk.subarray(count));
    } else this.#chunks.shift();
    this.#chunksBytes -= count;
    return count;
  }
}
