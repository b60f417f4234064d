// Copyright the iocp authors. MIT license.

import { GRACEFUL, RESET } from "../native/completion.ts";
import { CloseDeadline } from "./close_deadline.ts";
import type { DetachedSocket } from "./detached_socket.ts";
import { Detaching, type DetachOwner } from "./detaching.ts";
import { clearTimeout, setTimeout } from "../runtime/globals.ts";
import { runtime } from "../runtime/detect.ts";
import type { SendQueue } from "./send_queue.ts";
import type { CloseTimeout } from "../watching/events.ts";
import type { Monitor } from "../watching/monitor.ts";

/* How often a close that waits for writes checks whether the peer receives them,
 * in the time that it gives the peer. */
const CHECKS = 4;

/** What a close needs of its connection. */
export interface CloseOwner extends DetachOwner {
  readonly send: SendQueue;
  /** The library closes the socket, or has closed it. */
  readonly isReleased: boolean;
  /** True if received bytes were not read. */
  hasUnread(): boolean;
  /** Sets {@linkcode CloseOwner.isReleased}; the socket does not hold the process
   * any more. */
  release(): void;
}

/**
 * The close of a connection: which operations must finish before the library
 * closes the socket, and what waits for that, including the end of the process.
 */
export class Closing {
  readonly #owner: CloseOwner;
  #isUnref = false;
  #isHolding = true;
  #isAbandoned = false;
  #detaching: Detaching | undefined;
  /** While it waits for writes. */
  #timer: unknown;
  #onReleased: (() => void)[] | undefined;
  #watchers: Set<() => void> | undefined;
  #deadlines: CloseDeadline[] | undefined;
  /* What has come of the close. */
  #result: { readonly error: Error | undefined } | undefined;
  /* Of the library, in milliseconds. */
  #timeoutMs: number | undefined;

  /** Reports the connection to `onEvent`, if there is one. */
  monitor: Monitor | undefined;

  constructor(owner: CloseOwner) {
    this.#owner = owner;
    this.monitor = undefined;
  }

  get isAbandoned(): boolean {
    return this.#isAbandoned;
  }

  get isDetaching(): boolean {
    return this.#detaching !== undefined;
  }

  /** The process does not wait for the close. */
  get isUnref(): boolean {
    return this.#isUnref;
  }

  /** The connection keeps the process alive at present. */
  get isHolding(): boolean {
    return this.#isHolding;
  }

  setRef(isRef: boolean): void {
    this.#isUnref = !isRef;
    this.updateHold();
  }

  /** After unref(), waiting for the peer does not keep the process alive.
   * Operations that this side has started do until they are finished: writes,
   * including those that the close waits for, and a detach. */
  updateHold(): void {
    const { loop, send, isReleased } = this.#owner;
    if (isReleased) return;
    const holds = !this.#isUnref || this.isDetaching || send.isBusy;
    if (holds === this.#isHolding) return;
    this.#isHolding = holds;
    if (holds) loop.ref();
    else loop.unref();
  }

  /** Closes gracefully when all writes were sent. `timeoutMs` is used in place of
   * the `closeTimeout`. */
  close(timeoutMs?: number | undefined): void {
    this.#timeoutMs = timeoutMs;
    if (!this.#owner.send.isBusy) this.#release(GRACEFUL);
    else if (timeoutMs === undefined) this.#startDeadline();
  }

  /** Resets the connection when the close has not ended by then. The promise is
   * settled when it has ended. */
  endWithin(deadlineMs: number | undefined): Promise<void> {
    const deadline = new CloseDeadline(
      this.#owner,
      deadlineMs,
      () => this.endedBy("deadline"),
    );
    if (this.#result !== undefined) deadline.ended(this.#result.error);
    else (this.#deadlines ??= []).push(deadline);
    return deadline.promise;
  }

  /** The close has ended, with an error if not everything was sent. */
  ended(error: Error | undefined): void {
    this.#result ??= { error };
    for (const deadline of this.#deadlines ?? []) deadline.ended(error);
    this.#deadlines = undefined;
  }

  /** The same, but a peer whose bytes are not read gets a reset. */
  abandon(): void {
    this.#isAbandoned = true;
    this.close();
  }

  reset(): void {
    if (this.monitor !== undefined) this.monitor.isReset = true;
    this.#release(RESET);
  }

  /** Detaches when all writes were sent. */
  detach(): Promise<DetachedSocket> {
    const detaching = this.#detaching = new Detaching(this.#owner);
    this.updateHold();
    if (this.#owner.send.isBusy) this.#startDeadline();
    else this.#detach(detaching, false);
    return detaching.promise;
  }

  /** Calls `callback` when the socket is released. */
  onReleased(callback: () => void): void {
    (this.#onReleased ??= []).push(callback);
  }

  /* The library closes the socket then, which ends its counters. */
  #detach(detaching: Detaching, isReleased: boolean): void {
    this.monitor?.count();
    detaching.writesDone(isReleased);
  }

  /** Calls `callback` each time that a direction fails, at the peer's end and when
   * the socket is released, until {@linkcode unwatch}. */
  watch(callback: () => void): void {
    (this.#watchers ??= new Set()).add(callback);
  }

  unwatch(callback: () => void): void {
    this.#watchers?.delete(callback);
  }

  /** A direction has ended. */
  notify(): void {
    for (const callback of this.#watchers ?? []) callback();
  }

  /** A send has completed, so a waiting close gets its full timeout again. */
  sent(): void {
    if (this.#timer !== undefined) this.#startDeadline();
  }

  /** The connection ends because of this time. */
  endedBy(timeout: CloseTimeout): void {
    if (this.monitor !== undefined) this.monitor.timeout ??= timeout;
  }

  /** All writes were sent, or have failed. */
  writesDone(): void {
    const { isReleased } = this.#owner;
    if (this.#detaching !== undefined) {
      this.#detach(this.#detaching, isReleased);
    } else if (!isReleased) this.#release(GRACEFUL);
  }

  /** The library has closed the socket. Returns false if that was no detach. */
  closed(result: number, errno: number, handle: number): boolean {
    if (!this.#detaching?.closed(result, errno, handle)) return false;
    this.#owner.release();
    return true;
  }

  /** The port was closed, and a detach fails with it. */
  portClosed(): void {
    this.#detaching?.portClosed();
  }

  /** The socket was released. */
  stop(): void {
    clearTimeout(this.#timer);
    this.monitor?.released(this.#detaching?.isDone ?? false);
    for (const callback of this.#onReleased ?? []) callback();
    this.#onReleased = undefined;
    this.notify();
    this.#watchers = undefined;
  }

  #release(mode: typeof GRACEFUL | typeof RESET): void {
    const owner = this.#owner;
    const isAbandoned = this.#isAbandoned && mode === GRACEFUL;
    if (isAbandoned && owner.hasUnread()) mode = RESET;
    owner.release();
    /* An abandoned socket does not wait for the peer's end: the system answers
     * later bytes with a reset. */
    const timeoutMs = isAbandoned
      ? 0
      : this.#timeoutMs ?? owner.settings.closeTimeout;
    owner.loop.port.close(owner.id, mode, timeoutMs);
  }

  /* While a close waits for writes, each completed send and each
   * acknowledgement of the peer restarts its timeout: a slow peer may need
   * longer than the timeout for one send. The timeout is divided into checks,
   * since the timers of some runtimes run on while the machine sleeps: then
   * only one check is lost. The connection keeps the process alive meanwhile,
   * so the timer need not. */
  #startDeadline(): void {
    this.#hasProgressed();
    this.#startCheck(CHECKS);
  }

  #startCheck(left: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#hasProgressed()) this.#startCheck(CHECKS);
      else if (left > 1) this.#startCheck(left - 1);
      else {
        this.#detaching?.timedOut();
        this.endedBy("closeTimeout");
        this.#owner.reset();
      }
    }, Math.ceil(this.#owner.settings.closeTimeout / CHECKS));
    runtime.unrefTimer(this.#timer);
  }

  /* Whether the peer has acknowledged bytes since the last call. */
  #hasProgressed(): boolean {
    const { loop, id } = this.#owner;
    return loop.port.hasProgressed(id);
  }
}
