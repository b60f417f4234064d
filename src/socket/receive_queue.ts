// Copyright the iocp authors. MIT license.
/* The receiving direction of a connection: pending reads, and received bytes
 * that no read has claimed.
 *
 * Bytes are received in two ways. For a loop, and where buffers are posted (see
 * receive_mode.ts) also for read(), the library gets credit, and chunks come
 * with completions. Otherwise read() reads directly from the system while no
 * credit is open, and so does a loop in "zero-byte" mode. */

import { PENDING } from "../native/completion.ts";
import { SocketError } from "../errors.ts";
import {
  type Borrower,
  type Chunk,
  ChunkQueue,
  COPY_BELOW,
} from "./chunk_queue.ts";
import { missingCredit, usesCredit } from "./credit.ts";
import type { SocketLoop } from "../loop/socket_loop.ts";
import {
  bufferRead,
  type LoopRead,
  type PendingRead,
  PendingReads,
  type Result,
} from "./pending_reads.ts";
import type { ReceiveSettings } from "../options/receive_mode.ts";

/** The most that one call reads into a buffer, which may be longer: no length
 * beyond 32 bits can cross the boundary. */
const READ_MAX = 2 ** 29;

function bufferLost(): TypeError {
  return new TypeError(
    'The "p" argument must keep its buffer while it is read into: it was transferred',
  );
}

function chunksLost(): SocketError {
  return new SocketError("EFAULT", {
    syscall: "read",
    detail: "the bytes were in the buffer of a chunk that was transferred",
  });
}

/** What a queue needs of its connection. */
export interface ReceiveOwner {
  readonly loop: SocketLoop;
  readonly id: number;
  readonly settings: { readonly receive: ReceiveSettings };
  /** The error for a negative result. */
  failure(result: number, syscall: string, errno?: number): Error;
  /** The peer has ended, or the direction has failed. */
  receiveDone(): void;
}

/* Why no more bytes come: the peer has ended, this side has closed, or an error,
 * which is reported once. */
type End = "peer" | "closed" | Error;

/** The receiving direction of a connection. */
export class ReceiveQueue {
  readonly #owner: ReceiveOwner;
  readonly #reads = new PendingReads();
  /** Made when a chunk has to wait for a read. */
  #chunks: ChunkQueue | undefined;
  /** Bytes that the library may still deliver. */
  #credit = 0;
  /** The first read waits for READABLE. */
  #isReadArmed = false;
  #end: End | undefined;
  /** The reader whose chunk is left to the next turn. */
  #lentLater: PendingRead | undefined;

  constructor(owner: ReceiveOwner) {
    this.#owner = owner;
    this.#chunks = undefined;
    this.#end = undefined;
    this.#lentLater = undefined;
  }

  /** The settings of the connection have changed; open credit stays open. */
  settingsChanged(): void {
    this.#serve();
  }

  /** Received bytes that no read has claimed, or that a reader has not used. */
  get ahead(): number {
    const chunks = this.#chunks;
    return chunks === undefined ? 0 : chunks.bytes + chunks.borrowed;
  }

  /** True once the peer has ended, or the direction has failed. */
  get isEnded(): boolean {
    return this.#end !== undefined;
  }

  get hasPeerEnded(): boolean {
    return this.#end === "peer";
  }

  /** True once the direction has failed, until this side closes it. */
  get hasFailed(): boolean {
    return typeof this.#end === "object";
  }

  /** Reads for a loop. */
  next(read: LoopRead): Promise<Result> {
    this.#settleBefore(read);
    const chunks = this.#readableChunks();
    if (chunks !== undefined && read.buffer === undefined) {
      const value = chunks.shift()!;
      this.#handOut(read, value);
      this.#grant();
      return this.#owner.loop.allowance.settled({ value, done: false }, 0);
    }
    const promise = read.makePromise();
    if (chunks !== undefined) this.#fill(chunks, read, read.buffer!);
    else if (this.#end !== undefined) this.#settleAtEnd(read);
    else this.#add(read);
    return promise;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return new Promise<number | null>((resolve, reject) => {
      this.enqueue(bufferRead(buffer, resolve, reject));
    });
  }

  /** The same without a promise, for a loop as well. */
  enqueue(read: PendingRead): void {
    const { buffer } = read;
    if (buffer?.length === 0) {
      this.#resolve(read, 0);
      return;
    }
    this.#settleBefore(read);
    const chunks = this.#readableChunks();
    if (chunks === undefined) {
      if (this.#end === undefined) this.#add(read);
      else this.#settleAtEnd(read);
    } else if (buffer === undefined) {
      const chunk = chunks.shift()!;
      this.#handOut(read, chunk);
      this.#resolve(read, chunk);
      this.#grant();
    } else this.#fill(chunks, read, buffer);
  }

  /**
   * Reads a chunk for a reader, which keeps the bytes that it does not use at once.
   * Every other read takes them back first. Reads that were made after the call of
   * the reader come after it: `isContinued` says that it has got a chunk already.
   */
  borrow(read: PendingRead & Borrower, isContinued: boolean): void {
    (this.#chunks ??= new ChunkQueue()).lendTo(read);
    if (!isContinued || this.#reads.first === undefined) this.enqueue(read);
    else {
      this.#reads.unshift(read);
      this.#serve();
    }
  }

  /** Takes back what a reader has not used. */
  reclaim(): void {
    this.#chunks?.reclaim();
  }

  /** Withdraws a pending read; bytes that arrive later are for the next one. */
  cancel(read: PendingRead): void {
    this.#reads.remove(read);
    this.#serve();
  }

  /** Bytes have arrived; `chunk` is a part of a slab, or has memory of its own. */
  received(chunk: Chunk): void {
    this.#credit -= chunk.length;
    const read = this.#reads.shift();
    if (read === undefined) {
      /* A detach must not lose them, and the memory of a slab can be
       * transferred away. */
      const isCopied = this.#end !== undefined ||
        chunk.length < Math.min(COPY_BELOW, chunk.buffer.byteLength);
      this.#addChunk(isCopied ? chunk.slice() : chunk);
      if (isCopied) this.#giveBack(chunk);
    } else if (read.buffer === undefined) {
      this.#handOut(read, chunk);
      read.resolve(chunk);
      this.#grant();
    } else {
      this.#fill(this.#addChunk(chunk), read, read.buffer);
    }
    this.#serve();
  }

  readable(): void {
    this.#isReadArmed = false;
    this.#serve();
  }

  /** No more bytes will arrive: the peer has ended, or the direction has
   * failed. Queued chunks can still be read. */
  end(error: Error | undefined): void {
    if (this.#end !== undefined) return;
    this.#end = error ?? "peer";
    this.#credit = 0;
    this.#owner.loop.allowance.settle();
    this.#reads.end(error);
    this.#owner.receiveDone();
  }

  /** Receives ahead of the reads from now on, so that a failure is noticed without
   * one. In "zero-byte" mode it is not: nothing is received before it is asked
   * for. */
  receiveAhead(): void {
    /* The read that waits for READABLE notices it. */
    if (!this.#isReadArmed) this.#grant();
  }

  /** This side closes because of an error: all reads fail with it, and chunks are
   * discarded. */
  fail(error: Error): void {
    this.#chunks = undefined;
    this.#end = error;
    this.#owner.loop.allowance.settle();
    this.#reads.end(error);
  }

  /** This side closes: loops end, reads fail, and chunks are discarded. */
  close(detail: string): void {
    this.#chunks?.discard();
    this.#chunks = undefined;
    if (this.#end !== "peer") this.#end = "closed";
    this.#interrupt(detail);
  }

  /**
   * This side detaches: loops end and reads fail, but {@linkcode removeAll}
   * returns the chunks that have arrived and those that still arrive. Until
   * {@linkcode prepareDetach} returns nothing is changed.
   */
  detach(detail: string): void {
    this.#end = "closed";
    this.#interrupt(detail);
  }

  /** Copies the chunks to memory of their own. Throws when they are lost, or the
   * direction has failed. */
  prepareDetach(): void {
    this.#owner.loop.allowance.settle();
    this.reclaim();
    if (this.#chunks?.copyFromSlabs() === false) this.#lose();
    if (typeof this.#end === "object") throw this.#end;
  }

  /** Adds bytes that had arrived before the connection was added to its
   * loop. */
  preload(bytes: Chunk): void {
    if (bytes.length > 0) this.#addChunk(bytes);
  }

  /** Removes all received bytes and returns them in one piece, with those that a
   * reader got for a call which the detach has ended. */
  removeAll(): Uint8Array<ArrayBuffer> {
    this.reclaim();
    return this.#chunks?.removeAll() ?? new Uint8Array();
  }

  #interrupt(detail: string): void {
    this.#owner.loop.allowance.settle();
    this.#reads.interrupt(detail);
  }

  #addChunk(chunk: Chunk): ChunkQueue {
    const chunks = this.#chunks ??= new ChunkQueue();
    chunks.push(chunk);
    return chunks;
  }

  /* The chunk of a reader may have been left to the next turn. What the reader does not
   * use of it comes before all bytes that a later read may get. With one chunk it may
   * take the next one, which is left to that turn too. */
  #settleBefore(read: PendingRead | undefined): void {
    while (this.#lentLater !== undefined && this.#lentLater !== read) {
      this.#owner.loop.allowance.settle();
    }
  }

  /* The chunks, if there are any for the next read. */
  #readableChunks(): ChunkQueue | undefined {
    const chunks = this.#chunks;
    if (chunks === undefined || this.#end === "closed") return undefined;
    chunks.reclaim();
    if (chunks.isEmpty) return undefined;
    if (!chunks.isLost) return chunks;
    this.#lose();
    return undefined;
  }

  #lose(): void {
    this.#chunks = undefined;
    this.#end = chunksLost();
  }

  #settleAtEnd(read: PendingRead): void {
    const end = this.#end;
    if (typeof end !== "object") {
      this.#resolve(read, null);
      return;
    }
    this.#owner.loop.allowance.settle();
    /* A loop fails once; after that it is over, like a generator. */
    if (read.isLoop) this.#end = "closed";
    read.reject(end);
  }

  #add(read: PendingRead): void {
    this.#reads.push(read);
    if (this.#reads.first === read) this.#serve();
  }

  /* Tops up the credit. */
  #grant(): void {
    /* The library takes one or the other; see readable(). */
    if (this.#end !== undefined || this.#isReadArmed) return;
    /* How much a reader leaves of a chunk is known in the next turn. */
    if (this.#lentLater !== undefined) return;
    const { loop, id, settings } = this.#owner;
    const ahead = this.#chunks?.idle ?? 0;
    const bytes = missingCredit(settings.receive, this.#credit + ahead);
    if (bytes === 0) return;
    const result = loop.port.receive(id, bytes);
    if (result < 0) this.end(this.#owner.failure(result, "read"));
    else this.#credit += bytes;
  }

  /* Gives the chunks to the pending reads, and requests or reads bytes for the
   * first one that is left. A chunk may be longer than the buffer that it was
   * received for, and than what a reader uses. */
  #serve(): void {
    for (;;) {
      this.#settleBefore(this.#reads.first);
      const read = this.#reads.first;
      if (read === undefined) return;
      if (this.#serveFromChunks(read)) continue;
      if (this.#end !== undefined || this.#isReadArmed) return;
      if (usesCredit(this.#owner.settings.receive, read.buffer !== undefined)) {
        this.#grant();
        return;
      }
      /* What a loop has asked for comes first, as a chunk. */
      if (this.#credit > 0) return;
      if (!this.#readNow(read)) return;
    }
  }

  /* Reads from the system for the first pending read. Returns false when the
   * read has to wait, or the stream is at its end. */
  #readNow(read: PendingRead): boolean {
    const { loop, id, settings } = this.#owner;
    const { buffer } = read;
    if (buffer?.length === 0) {
      this.#reads.shift();
      this.#rejectLost(read);
      return true;
    }
    const result = buffer === undefined
      ? loop.slab.read(loop.port, id, settings.receive.bufferSize)
      : loop.port.read(id, buffer, 0, Math.min(buffer.length, READ_MAX));
    if (result === PENDING) {
      this.#isReadArmed = true;
      return false;
    }
    if (typeof result !== "number") this.#handOut(read, result);
    else if (result <= 0) {
      this.end(result === 0 ? undefined : this.#owner.failure(result, "read"));
      return false;
    }
    this.#reads.shift();
    this.#resolve(read, result);
    return true;
  }

  /* Settles a read, now or in the next turn. */
  #resolve(read: PendingRead, got: Chunk | number | null): void {
    const bytes = typeof got === "number" ? got : got?.length ?? 0;
    const { allowance } = this.#owner.loop;
    if (allowance.spend(bytes)) read.resolve(got);
    else this.#resolveLater(read, got);
  }

  #resolveLater(read: PendingRead, got: Chunk | number | null): void {
    if (this.#chunks?.isLentTo(read)) this.#lentLater = read;
    this.#owner.loop.allowance.defer(() => {
      if (this.#lentLater === read) this.#lentLater = undefined;
      read.resolve(got);
    });
  }

  #serveFromChunks(read: PendingRead): boolean {
    const chunks = this.#chunks;
    if (chunks === undefined) return false;
    chunks.reclaim();
    if (chunks.isEmpty) return false;
    this.#reads.shift();
    if (read.buffer === undefined) {
      const chunk = chunks.shift()!;
      this.#handOut(read, chunk);
      read.resolve(chunk);
    } else this.#fill(chunks, read, read.buffer);
    return true;
  }

  #fill(chunks: ChunkQueue, read: PendingRead, buffer: Uint8Array): void {
    if (buffer.length === 0) {
      this.#rejectLost(read);
      return;
    }
    const first = chunks.first!;
    const count = chunks.moveTo(buffer);
    if (count === first.length) this.#giveBack(first);
    this.#resolve(read, count);
  }

  /* The read gets the chunk: to keep it, unless the read is that of a borrower. */
  #handOut(read: PendingRead, chunk: Chunk): void {
    const { slab } = this.#owner.loop;
    if (!slab.hasLent) return;
    if (read.borrow === undefined) slab.own(chunk);
    else read.borrow(chunk);
  }

  /* The bytes of the chunk were copied. */
  #giveBack(chunk: Chunk): void {
    const { slab } = this.#owner.loop;
    if (slab.hasLent) slab.giveBack(chunk);
  }

  #rejectLost(read: PendingRead): void {
    this.#owner.loop.allowance.settle();
    read.reject(bufferLost());
  }
}
