// Copyright the iocp authors. MIT license.
/* The sending direction of a connection: writes in order, each taken whole.
 *
 * A write goes to the system at once. What the system does not take is kept by
 * the library, a bounded part of it, and the rest stays here, in the user's own
 * buffer, until that part has left. So a slow reader costs no more memory than
 * IOCP_SEND_MAX and what the user has not awaited. */

import { PENDING } from "./completion.ts";
import { SocketError } from "./errors.ts";
import type { Loop } from "./loop.ts";

/* A write (`bytes`) or the end of the direction (none). */
interface Entry {
  bytes: Uint8Array | undefined;
  /** Of `bytes`, when it was given. */
  length: number;
  offset: number;
  resolve(count: number): void;
  reject(error: Error): void;
}

/** What a queue asks of its connection. */
export interface SendOwner {
  readonly loop: Loop;
  readonly socket: number;
  /** The error for a negative result. */
  failure(result: number, syscall: string, errno?: number): SocketError;
  /** Everything has left or failed. */
  drained(): void;
  /** Ends the connection at once; it calls back {@linkcode SendQueue.fail}. */
  reset(): void;
}

/** The sending direction of a connection. */
export class SendQueue {
  #owner: SendOwner;
  #entries: Entry[] = [];
  #error: Error | undefined;
  /** closeWrite() was called. */
  #isEnding = false;
  /** FIN is out. */
  #isEnded = false;
  constructor(owner: SendOwner) {
    this.#owner = owner;
  }

  /** True while something waits to leave. */
  get isBusy(): boolean {
    return this.#entries.length > 0;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#isEnding) {
      return Promise.reject(
        new SocketError("EPIPE", { syscall: "send" }),
      );
    }
    if (this.#entries.length === 0) {
      const { loop, socket } = this.#owner;
      const { length } = bytes;
      /* The usual case: the system takes all of it. */
      const result = loop.native.iocp_send(loop.port, socket, bytes, 0, length);
      if (result === length) return Promise.resolve(length);
      return new Promise<number>((resolve, reject) => {
        this.#entries.push({ bytes, length, offset: 0, resolve, reject });
        this.#advance(result);
      });
    }
    const { length } = bytes;
    return new Promise<number>((resolve, reject) => {
      this.#entries.push({ bytes, length, offset: 0, resolve, reject });
    });
  }

  /** FIN after everything before it. */
  closeWrite(): Promise<void> {
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#isEnding) return Promise.resolve();
    this.#isEnding = true;
    return new Promise<void>((resolve, reject) => {
      this.#entries.push({
        bytes: undefined,
        length: 0,
        offset: 0,
        resolve: () => resolve(),
        reject,
      });
      if (this.#entries.length === 1) this.#run();
    });
  }

  /** Takes IOCP_SENT. */
  sent(result: number, detail: number): void {
    if (result < 0) {
      this.fail(this.#owner.failure(result, "send", detail));
      return;
    }
    const entry = this.#entries[0];
    /* The kept part was the last one. */
    if (entry.offset === entry.length) {
      this.#entries.shift();
      entry.resolve(entry.offset);
    }
    this.#run();
  }

  /** Takes IOCP_SHUT. */
  shut(result: number, detail: number): void {
    const entry = this.#entries.shift();
    if (entry === undefined) return;
    if (result < 0) {
      entry.reject(this.#owner.failure(result, "shutdown", detail));
    } else {
      this.#isEnded = true;
      entry.resolve(0);
    }
    this.#owner.drained();
  }

  /** Nothing leaves any more. */
  fail(error: Error): void {
    this.#error ??= error;
    const entries = this.#entries;
    this.#entries = [];
    for (const entry of entries) entry.reject(this.#error);
    this.#owner.drained();
  }

  /* Hands entries to the library until one has to wait. */
  #run(): void {
    const { loop, socket } = this.#owner;
    while (this.#entries.length > 0) {
      const { bytes, length, offset } = this.#entries[0];
      if (bytes === undefined) {
        const result = loop.native.iocp_shutdown(loop.port, socket);
        if (result < 0) this.fail(this.#owner.failure(result, "shutdown"));
        loop.kick();
        return;
      }
      if (bytes.length !== length) {
        this.#lostBytes();
        return;
      }
      const result = loop.native.iocp_send(
        loop.port,
        socket,
        bytes,
        offset,
        length - offset,
      );
      if (!this.#took(result)) return;
    }
    this.#owner.drained();
  }

  /* The user has transferred or resized the buffer of a write that waited. The
   * peer must not take what it has got for the whole. */
  #lostBytes(): void {
    this.#error ??= new SocketError("EFAULT", {
      syscall: "send",
      detail: "the buffer was transferred or resized before it was sent",
    });
    this.#owner.reset();
  }

  /* The first send of a write was not all of it. */
  #advance(result: number): void {
    if (this.#took(result)) this.#run();
  }

  /* Counts what the library took of the first entry. False when the queue has
   * to wait, or has failed. */
  #took(result: number): boolean {
    if (result < 0) {
      this.fail(this.#owner.failure(result, "send"));
      return false;
    }
    const entry = this.#entries[0];
    entry.offset += result & ~PENDING;
    if ((result & PENDING) !== 0) {
      this.#owner.loop.kick();
      return false;
    }
    if (entry.offset === entry.length) {
      this.#entries.shift();
      entry.resolve(entry.offset);
    }
    return true;
  }
}
