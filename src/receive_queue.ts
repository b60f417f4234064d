// Copyright the iocp authors. MIT license.
/* The receiving direction of a connection: who waits for bytes, and which
 * bytes wait for somebody.
 *
 * Two ways lead out of it. An iterator grants the library credit, and chunks
 * come with the completions; where buffers are posted (see receive_mode.ts) a
 * read() does so too. Otherwise read() into a buffer of the user's, with no
 * credit open, takes the bytes straight from the system, and in "zero-byte"
 * mode an iterator takes them the same way, into the slab. */

import { PENDING } from "./completion.ts";
import { SocketError } from "./errors.ts";
import { emptyFifo, pushed } from "./fifo.ts";
import { type Loop, SLAB_BYTES } from "./loop.ts";
import type { ReceiveSettings } from "./receive_mode.ts";

/** A chunk that has to wait is copied if it would keep a slab much larger than
 * itself alive. */
export const COPY_BELOW = SLAB_BYTES / 4;

type Result = IteratorResult<Uint8Array, undefined>;

/** Somebody who waits: for a chunk, or for bytes in a buffer of his own. */
export type Reader =
  & {
    /** He iterates: a close is the end of his loop, and no error. */
    isLoop: boolean;
    reject(error: Error): void;
  }
  & (
    | { buffer: undefined; resolve(result: Result): void }
    | { buffer: Uint8Array; resolve(count: number | null): void }
  );

const DONE: Result = Object.freeze({ value: undefined, done: true });

/* Who waits with a buffer of his own has to leave it there. */
function lostBuffer(): TypeError {
  return new TypeError(
    'The "p" argument must keep its buffer while it is read into: it was transferred',
  );
}

/** What a queue asks of its connection. */
export interface ReceiveOwner {
  readonly loop: Loop;
  readonly socket: number;
  /** The error for a negative result. */
  failure(result: number, syscall: string, errno?: number): SocketError;
  /** An iterator has been told the end, or an error. */
  iterationEnded(isError: boolean): void;
}

/** The receiving direction of a connection. */
export class ReceiveQueue {
  #owner: ReceiveOwner;
  #settings!: ReceiveSettings;
  /** With more than this ahead of the reader no credit is granted. */
  #lowWater = 0;
  #chunks = emptyFifo<Uint8Array>();
  #chunksBytes = 0;
  /** Bytes that the library may still deliver. */
  #credit = 0;
  #readers = emptyFifo<Reader>();
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
    this.#adopt(settings);
  }

  get settings(): ReceiveSettings {
    return this.#settings;
  }

  /** Another way to receive from now on; credit that is out stays out. */
  set settings(settings: ReceiveSettings) {
    this.#adopt(settings);
    this.#serve();
  }

  #adopt(settings: ReceiveSettings): void {
    this.#settings = settings;
    /* What is taken only when it is asked for needs none. */
    this.#lowWater = settings.mode === "zero-byte" ? -1 : settings.limit / 2;
  }

  /** Bytes that have been received and wait for a reader. */
  get ahead(): number {
    return this.#chunksBytes;
  }

  /** True once the peer has said its end, or the stream has failed. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  next(): Promise<Result> {
    this.#checkChunks();
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) {
      this.#chunksBytes -= chunk.length;
      this.#grant();
      return Promise.resolve({ value: chunk, done: false });
    }
    if (this.#isEnded) return this.#endOfIterator();
    ReceiveQueue.#asked = this;
    return new Promise(ReceiveQueue.#wait);
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return new Promise((resolve, reject) => {
      this.readBy({ buffer, isLoop: false, resolve, reject });
    });
  }

  /** The same as {@linkcode next}, with the chunk in a buffer of the user's. */
  nextIn(buffer: Uint8Array): Promise<Result> {
    this.#checkChunks();
    if (this.#isEnded && this.#chunks.isEmpty) return this.#endOfIterator();
    return new Promise((resolve, reject) => {
      const reader: Reader = {
        buffer,
        isLoop: true,
        resolve: (count) =>
          resolve(
            count === null
              ? DONE
              : { value: buffer.subarray(0, count), done: false },
          ),
        reject,
      };
      if (this.#chunks.isEmpty) this.#enter(reader);
      else this.#fill(reader, buffer);
    });
  }

  /** The same as {@linkcode read} for somebody who has no use for a promise. */
  readBy(reader: Reader & { buffer: Uint8Array }): void {
    const { buffer } = reader;
    if (buffer.length === 0) {
      reader.resolve(0);
      return;
    }
    this.#checkChunks();
    if (!this.#chunks.isEmpty) reader.resolve(this.#copyChunk(buffer));
    else if (!this.#isEnded) this.#enter(reader);
    else if (this.#error === undefined) reader.resolve(null);
    else reader.reject(this.#error);
  }

  /** Has a reader wait no longer. Bytes that come are the next one's. */
  takeBack(reader: Reader): void {
    for (const one of this.#readers.takeAll()) {
      if (one !== reader) this.#readers = pushed(this.#readers, one);
    }
    this.#serve();
  }

  /** Takes IOCP_RECEIVED. */
  received(result: number, detail: number): void {
    if (result <= 0) {
      this.end(
        result === 0
          ? undefined
          : this.#owner.failure(result, "receive", detail),
      );
      return;
    }
    this.#credit -= result;
    const chunk = this.#owner.loop.slab.subarray(detail, detail + result);
    const reader = this.#readers.shift();
    if (reader === undefined) {
      const isCopied = this.#isKept || result < COPY_BELOW;
      this.#chunks = pushed(this.#chunks, isCopied ? chunk.slice() : chunk);
      this.#chunksBytes += result;
    } else if (reader.buffer === undefined) {
      reader.resolve({ value: chunk, done: false });
      this.#grant();
    } else {
      this.#chunks = pushed(this.#chunks, chunk);
      this.#chunksBytes += result;
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
    const readers = this.#readers.takeAll();
    let isIterated = false;
    for (const reader of readers) {
      isIterated ||= reader.isLoop;
      if (error !== undefined) reader.reject(error);
      else this.#resolveEnd(reader);
    }
    if (isIterated) this.#owner.iterationEnded(error !== undefined);
  }

  /** The user has closed: iterators are done, reads fail, chunks are gone. */
  close(error: SocketError): void {
    this.takeAll();
    this.#interrupt(error);
    this.#isEnded = true;
    this.#error = undefined;
  }

  /**
   * Nobody reads here any more, but what has come, and what still comes, is
   * kept, in memory that nobody can take away. Throws when somebody has.
   */
  keep(error: SocketError): void {
    if (this.#error !== undefined) throw this.#error;
    const expected = this.#chunksBytes;
    const chunks = this.#chunks.takeAll();
    this.#isKept = true;
    this.#chunksBytes = 0;
    for (const chunk of chunks) {
      /* One that was taken away has no length any more. */
      if (chunk.length > 0) this.preload(chunk.slice());
    }
    this.#interrupt(error);
    if (this.#chunksBytes === expected) return;
    this.#lose();
    throw this.#error;
  }

  #interrupt(error: SocketError): void {
    for (const reader of this.#readers.takeAll()) {
      if (reader.isLoop) this.#resolveEnd(reader);
      else reader.reject(error);
    }
  }

  #resolveEnd(reader: Reader): void {
    if (reader.buffer === undefined) reader.resolve(DONE);
    else reader.resolve(null);
  }

  /** Takes bytes over that came before the connection was this one's. */
  preload(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#chunks = pushed(this.#chunks, bytes);
    this.#chunksBytes += bytes.length;
  }

  /** Takes all bytes that wait, as one. */
  takeAll(): Uint8Array {
    const bytes = new Uint8Array(this.#chunksBytes);
    let offset = 0;
    for (const chunk of this.#chunks.takeAll()) {
      bytes.set(chunk, offset);
      offset += chunk.length;
    }
    this.#chunksBytes = 0;
    return bytes;
  }

  /* The executor of every next(). A promise calls it at once, so one function
   * does for all queues; one of its own would be 100 bytes of each. */
  static #wait = (
    resolve: (result: Result) => void,
    reject: (error: Error) => void,
  ): void => {
    const queue = ReceiveQueue.#asked!;
    ReceiveQueue.#asked = undefined;
    queue.#enter({ buffer: undefined, isLoop: true, resolve, reject });
  };
  /** Whose next() is being called. */
  static #asked: ReceiveQueue | undefined;

  #enter(reader: Reader): void {
    this.#readers = pushed(this.#readers, reader);
    if (this.#readers.first === reader) this.#serve();
  }

  #endOfIterator(): Promise<Result> {
    const error = this.#error;
    this.#owner.iterationEnded(error !== undefined);
    if (error === undefined) return Promise.resolve(DONE);
    /* A loop fails once; after that it is over, like a generator. */
    this.#error = undefined;
    return Promise.reject(error);
  }

  /* Tops the credit up to the limit, in steps of at least half of it, so that
   * small messages cost no call each. */
  #grant(): void {
    const ahead = this.#credit + this.#chunksBytes;
    if (ahead > this.#lowWater || this.#isEnded) return;
    const { loop, socket } = this.#owner;
    const bytes = this.#settings.limit - ahead;
    const result = loop.native.iocp_receive(loop.port, socket, bytes);
    if (result < 0) {
      this.end(this.#owner.failure(result, "receive"));
      return;
    }
    this.#credit += bytes;
    loop.kick();
  }

  /* Gets the first reader going. */
  #serve(): void {
    while (!this.#readers.isEmpty && !this.#isEnded) {
      const reader = this.#readers.first!;
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
    const { loop, socket } = this.#owner;
    if (reader.buffer?.length === 0) {
      this.#readers.shift();
      this.#rejectLost(reader);
      return true;
    }
    const result = reader.buffer === undefined
      ? loop.read(socket, this.#settings.bufferSize)
      : loop.native.iocp_read(
        loop.port,
        socket,
        reader.buffer,
        0,
        reader.buffer.length,
      );
    if (result === PENDING) {
      this.#isReadArmed = true;
      loop.kick();
      return false;
    }
    if (typeof result === "number" && result <= 0) {
      this.end(
        result === 0 ? undefined : this.#owner.failure(result, "receive"),
      );
      return false;
    }
    this.#readers.shift();
    if (typeof result === "number") {
      (reader.resolve as (count: number) => void)(result);
    } else {
      (reader.resolve as (result: Result) => void)({
        value: result,
        done: false,
      });
    }
    return true;
  }

  /* A chunk may have been more than its reader took. */
  #serveFromChunks(): void {
    while (!this.#readers.isEmpty && !this.#chunks.isEmpty) {
      const reader = this.#readers.shift()!;
      if (reader.buffer === undefined) {
        const chunk = this.#chunks.shift()!;
        this.#chunksBytes -= chunk.length;
        reader.resolve({ value: chunk, done: false });
      } else {
        this.#fill(reader, reader.buffer);
      }
    }
    if (!this.#readers.isEmpty) this.#serve();
  }

  /* Answers a read() from the first chunk. */
  #fill(
    reader: Reader & { resolve(count: number): void },
    buffer: Uint8Array,
  ): void {
    if (buffer.length === 0) this.#rejectLost(reader);
    else reader.resolve(this.#copyChunk(buffer));
  }

  #rejectLost(reader: Reader): void {
    reader.reject(lostBuffer());
    if (reader.isLoop) this.#owner.iterationEnded(true);
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
      syscall: "receive",
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
