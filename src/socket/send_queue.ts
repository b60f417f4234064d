// Copyright the iocp authors. MIT license.
/* The sending direction of a connection: writes in order, each taken whole.
 *
 * A write goes to the system at once. What the system does not take is kept by
 * the library, a bounded part of it, and the rest stays here, in the user's own
 * buffer, until that part has left. So a slow reader costs no more memory than
 * IOCP_SEND_MAX, times the sends that may be pending at once, and what the user
 * has not awaited.
 *
 *   #sends: with the library       | #entries: partly, or not yet
 *   oldest ----------------------------------------------> newest
 */

import { PENDING } from "../native/completion.ts";
import { SocketError } from "../errors.ts";
import { emptyFifo, pushed } from "./fifo.ts";
import type { Loop } from "../loop/loop.ts";
import type { NativePort } from "../native/port.ts";

/** So much of a write is passed in one call, of which the library takes less. A
 * longer one is passed in parts, since no length beyond 32 bits can cross, and
 * PENDING would be taken for a part of the result. */
export const CALL_MAX: number = 2 ** 29;

/** A write (`bytes`) or the end of the direction (none). */
export interface Entry {
  bytes: Uint8Array | undefined;
  /** Of `bytes`, when it was given. */
  length: number;
  offset: number;
  resolve(count: number): void;
  reject(error: Error): void;
}

/* Passes what is left of a write, or a part of it, to the library. */
function sendPart(
  port: NativePort,
  id: number,
  bytes: Uint8Array,
  offset: number,
): number {
  const length = bytes.length - offset;
  if (bytes.length <= CALL_MAX) {
    return port.send(id, bytes, offset, length);
  }
  const count = Math.min(length, CALL_MAX);
  const part = new Uint8Array(bytes.buffer, bytes.byteOffset + offset, count);
  return port.send(id, part, 0, count);
}

/* A part of a write that the library has kept. */
interface Send {
  entry: Entry;
  /** No part of it comes after this one. */
  isLast: boolean;
  /** What the system took whole while this one was still to be told, which is
   * answered behind it. */
  followers: Entry[];
}

/** True when the system took all of `length` bytes. */
export function isWhole(result: number, length: number): boolean {
  return result === length && (result & PENDING) === 0;
}

/** What a queue asks of its connection. */
export interface SendOwner {
  readonly loop: Loop;
  readonly id: number;
  /** The error for a negative result. */
  failure(result: number, syscall: string, errno?: number): SocketError;
  /** Something waits to leave from now on, */
  entered(): void;
  /** and now everything has left or failed. */
  drained(): void;
  /** Ends the connection at once; it calls back {@linkcode SendQueue.fail}. */
  reset(): void;
}

/** The sending direction of a connection. */
export class SendQueue {
  #owner: SendOwner;
  /** Sends that may be pending at once. */
  concurrency: number;
  /** The number of the last broadcast that it took part in. */
  broadcast = 0;
  #entries = emptyFifo<Entry>();
  #sends = emptyFifo<Send>();
  #sendsCount = 0;
  #error: Error | undefined;
  /** closeWrite() was called, and then FIN is out. */
  #state: "open" | "ending" | "ended" = "open";

  constructor(owner: SendOwner, concurrency: number) {
    this.#owner = owner;
    this.concurrency = concurrency;
  }

  /** True while something waits to leave. */
  get isBusy(): boolean {
    return !this.#entries.isEmpty || this.#sendsCount > 0;
  }

  /** True when a write would go to the system at once, before all others. */
  get isFree(): boolean {
    return this.#entries.isEmpty && this.#sendsCount === 0 &&
      this.#error === undefined && this.#state === "open";
  }

  get isEnded(): boolean {
    return this.#state === "ended";
  }

  /** True when the library has all that was written; it still sends what it
   * keeps after a close, as the system does. */
  get isTaken(): boolean {
    const entry = this.#entries.first;
    return entry === undefined || entry.bytes === undefined;
  }

  /** How much of the oldest write the library has taken. */
  get offset(): number {
    const entry = this.#sends.first?.entry ?? this.#entries.first;
    return entry?.offset ?? 0;
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#state !== "open") {
      return Promise.reject(
        new SocketError("EPIPE", { syscall: "write" }),
      );
    }
    const { length } = bytes;
    const isNext = this.#entries.isEmpty && this.#sendsCount < this.concurrency;
    if (isNext && length <= CALL_MAX) {
      const { loop, id } = this.#owner;
      /* The usual case: the system takes all of it. */
      const result = loop.port.send(id, bytes, 0, length);
      if (isWhole(result, length) && this.#sendsCount === 0) {
        return loop.allowance.settled(length, length);
      }
      return this.goOn(bytes, result);
    }
    return new Promise<number>((resolve, reject) => {
      this.writeBy({ bytes, length, offset: 0, resolve, reject });
    });
  }

  /** Goes on with a write of which the library took `result`, as the only one
   * of the queue that is not with it whole. */
  goOn(bytes: Uint8Array, result: number): Promise<number> {
    const { length } = bytes;
    return new Promise<number>((resolve, reject) => {
      this.#push({ bytes, length, offset: 0, resolve, reject });
      if (this.#took(result)) this.#run();
    });
  }

  /** The same as {@linkcode write} for somebody who has no use for a promise. */
  writeBy(entry: Entry): void {
    if (this.#error !== undefined) entry.reject(this.#error);
    else if (this.#state !== "open") {
      entry.reject(new SocketError("EPIPE", { syscall: "write" }));
    } else {
      this.#push(entry);
      if (this.#entries.first === entry) this.#run();
    }
  }

  /** Sends no more of a write than what the library has taken over, which
   * nothing can take back; returns how much that is. */
  takeBack(entry: Entry): number {
    for (const one of this.#entries.takeAll()) {
      if (one !== entry) this.#push(one);
    }
    /* What is kept of it is on its way, and ends unheard. */
    entry.resolve = () => {};
    entry.reject = () => {};
    this.#run();
    return entry.offset;
  }

  /** FIN after everything before it. */
  closeWrite(): Promise<void> {
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#state !== "open") return Promise.resolve();
    this.#state = "ending";
    return new Promise<void>((resolve, reject) => {
      this.#push({
        bytes: undefined,
        length: 0,
        offset: 0,
        resolve: () => resolve(),
        reject,
      });
      if (this.#entries.first!.bytes === undefined) this.#run();
    });
  }

  /** Takes IOCP_SENT. */
  sent(result: number, detail: number): void {
    if (result < 0) {
      this.fail(this.#owner.failure(result, "write", detail));
      return;
    }
    const send = this.#sends.shift();
    /* It left in the moment in which the connection was given up. */
    if (send === undefined) return;
    this.#sendsCount--;
    if (send.isLast) send.entry.resolve(send.entry.offset);
    for (const entry of send.followers) entry.resolve(entry.offset);
    this.#run();
  }

  /** Takes IOCP_SHUT. */
  shut(result: number, detail: number): void {
    const entry = this.#entries.shift();
    if (entry === undefined) return;
    if (result < 0) {
      entry.reject(this.#owner.failure(result, "shutdown", detail));
    } else {
      this.#state = "ended";
      entry.resolve(0);
    }
    this.#owner.drained();
  }

  /** Nothing leaves any more. */
  fail(error: Error): void {
    this.#error ??= error;
    this.#owner.loop.allowance.settle();
    const entries = new Set([
      ...this.#sends.takeAll().flatMap(({ entry, followers }) => [
        entry,
        ...followers,
      ]),
      ...this.#entries.takeAll(),
    ]);
    this.#sendsCount = 0;
    for (const entry of entries) entry.reject(this.#error);
    this.#owner.drained();
  }

  #push(entry: Entry): void {
    this.#entries = pushed(this.#entries, entry);
    this.#owner.entered();
  }

  /* Leaves the next part to another turn. By then the write may have gone on
   * already, or be over. */
  #pause(): void {
    this.#owner.loop.allowance.goOn(() => {
      if (this.#entries.first?.bytes !== undefined) this.#run();
    });
  }

  /* Hands entries to the library until one has to wait. */
  #run(): void {
    const { loop, id } = this.#owner;
    while (this.#sendsCount < this.concurrency) {
      const entry = this.#entries.first;
      if (entry === undefined) break;
      const { bytes, length, offset } = entry;
      if (bytes === undefined) {
        /* The library says it behind all sends that are still pending. */
        if (this.#sendsCount > 0) return;
        const result = loop.port.shutdown(id);
        if (result < 0) this.fail(this.#owner.failure(result, "shutdown"));
        return;
      }
      if (bytes.length !== length) {
        this.#lostBytes();
        return;
      }
      /* The peer may take a long write as fast as it is sent. */
      if (!loop.allowance.isLeft) {
        this.#pause();
        return;
      }
      const result = sendPart(loop.port, id, bytes, offset);
      if (!this.#took(result)) return;
    }
    if (!this.isBusy) this.#owner.drained();
  }

  /* The user has transferred or resized the buffer of a write that waited. The
   * peer must not take what it has got for the whole. */
  #lostBytes(): void {
    this.#error ??= new SocketError("EFAULT", {
      syscall: "write",
      detail: "the buffer was transferred or resized before it was sent",
    });
    this.#owner.reset();
  }

  /* Counts what the library took of the first entry. False when the queue has
   * failed. */
  #took(result: number): boolean {
    if (result < 0) {
      this.fail(this.#owner.failure(result, "write"));
      return false;
    }
    const entry = this.#entries.first!;
    const count = result & ~PENDING;
    const isSettledNow = this.#owner.loop.allowance.spend(count);
    entry.offset += count;
    const isLast = entry.offset === entry.length;
    if (isLast) this.#entries.shift();
    if ((result & PENDING) !== 0) {
      const send = { entry, isLast, followers: [] };
      this.#sends = pushed(this.#sends, send);
      this.#sendsCount++;
    } else if (isLast) {
      if (this.#sendsCount > 0) this.#sends.last!.followers.push(entry);
      else if (isSettledNow) entry.resolve(entry.offset);
      else {
        this.#owner.loop.allowance.defer(() => entry.resolve(entry.offset));
      }
    }
    return true;
  }
}
