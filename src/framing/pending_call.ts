// Copyright the iocp authors. MIT license.

import { type Deadline, UNSET } from "../loop/deadlines.ts";
import {
  type Abortable,
  type SignalWatch,
  watchSignal,
} from "../loop/signal_watch.ts";
import type { Limits } from "../options/operation.ts";
import type { ByteBuffer } from "./byte_buffer.ts";
import type { ByteSource } from "./byte_source.ts";
import type { Want } from "./want.ts";

/** What a call needs of the calls of its reader. */
export interface CallOwner {
  readonly source: ByteSource;
  /** Withdraws a call if it is still pending, and returns whether it was. */
  withdraw(call: PendingCall<unknown>): boolean;
}

/** A call of a reader that waits for bytes. */
export class PendingCall<T> implements Deadline, Abortable {
  at = 0;
  place: number = UNSET;
  readonly #owner: CallOwner;
  readonly #want: Want<T>;
  #resolve!: (got: T) => void;
  #reject!: (reason: unknown) => void;
  readonly promise: Promise<T>;
  #watch: SignalWatch | undefined;
  #hasDeadline = false;

  constructor(owner: CallOwner, want: Want<T>) {
    this.#owner = owner;
    this.#want = want;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Watches what may end the call. */
  limit({ signal, timeout }: Limits): void {
    if (signal !== undefined) this.#watch = watchSignal(signal, this);
    if (timeout === Infinity) return;
    this.#hasDeadline = true;
    this.#owner.source.deadlines.add(this, timeout);
  }

  /** Settles the call if the buffer has what it wants. */
  take(buffer: ByteBuffer): boolean {
    try {
      const got = this.#want.take(buffer);
      if (got === undefined) return false;
      this.#settled();
      this.#resolve(got);
    } catch (error) {
      this.#settled();
      this.#reject(error);
    }
    return true;
  }

  /** The source has ended. */
  end(buffer: ByteBuffer): void {
    if (!this.take(buffer)) this.#settle(() => this.#want.end(buffer));
  }

  /** The source has failed. */
  fail(buffer: ByteBuffer, error: unknown): void {
    if (this.take(buffer)) return;
    const { isClosed } = this.#owner.source;
    const aborted = this.#watch?.aborted;
    this.#settle(() => {
      if (aborted !== undefined) throw aborted.reason;
      if (this.#want.fail === undefined) throw error;
      return this.#want.fail(error, isClosed);
    });
  }

  expire(): void {
    this.#hasDeadline = false;
    if (!this.#owner.withdraw(this as PendingCall<unknown>)) return;
    this.#settled();
    this.#reject(this.#owner.source.error("ETIMEDOUT"));
  }

  abort(reason: unknown): void {
    if (!this.#owner.withdraw(this as PendingCall<unknown>)) return;
    this.#settled();
    this.#reject(reason);
  }

  #settle(result: () => T): void {
    this.#settled();
    try {
      this.#resolve(result());
    } catch (error) {
      this.#reject(error);
    }
  }

  #settled(): void {
    if (this.#hasDeadline) this.#owner.source.deadlines.remove(this);
    this.#watch?.remove(this);
  }
}
