// Copyright the iocp authors. MIT license.
/* One connected socket of a loop: both directions, and its close. What users
 * see of it is a Conn. */

import { decodeAddress, type NetAddr } from "../native/address.ts";
import { DETACH, GRACEFUL, LOCAL, PEER, RESET } from "../native/completion.ts";
import type { DetachedSocket } from "./detached_socket.ts";
import { errorOf, numberOf, SocketError } from "../errors.ts";
import { Extras } from "./extras.ts";
import { clearTimeout, setTimeout } from "../runtime/globals.ts";
import type { Endpoint } from "../loop/endpoint.ts";
import type { Loop } from "../loop/loop.ts";
import type { ConnSettings } from "../options/conn.ts";
import { applyOptions } from "../options/settings.ts";
import { type ReceiveOwner, ReceiveQueue } from "./receive_queue.ts";
import { type SendOwner, SendQueue } from "./send_queue.ts";
import { runtime } from "../runtime/detect.ts";
import type { ConnStats } from "../stats.ts";
import { DETACH as DETACH_CALL } from "../native/system_calls.ts";

/* How far it has come: accepted, but not taken by the user yet, so that it does
 * not hold the process alive; open; closed by the user, while what was written
 * before may still leave; closed in the library. */
const WAITING = 0;
const OPEN = 1;
const CLOSING = 2;
const RELEASED = 3;
type Phase =
  | typeof WAITING
  | typeof OPEN
  | typeof CLOSING
  | typeof RELEASED;

/* How often a close that waits for the peer looks whether that takes something,
 * in the time that it has for it. */
const CLOSE_CHECKS = 4;

/** A connected socket. */
export class Socket implements Endpoint, ReceiveOwner, SendOwner {
  readonly loop: Loop;
  readonly id: number;
  settings: ConnSettings;
  readonly receive: ReceiveQueue;
  readonly send: SendQueue;
  /** Whoever iterates closes it himself, when his writes are done. */
  isLeftOpenAtEnd = false;
  #phase: Phase = WAITING;
  #extras: Extras | undefined;

  /**
   * `origin` says which options the socket has in the library already: a new
   * one those of the system, an adopted one those of its former owner, and an
   * accepted one those of its listener. The library may close a watched one,
   * which was accepted as well, without being asked.
   */
  constructor(
    loop: Loop,
    id: number,
    settings: ConnSettings,
    origin: "new" | "adopted" | "accepted" | "watched",
  ) {
    this.loop = loop;
    this.id = id;
    this.settings = settings;
    applyOptions(loop.port, id, settings, origin);
    this.receive = new ReceiveQueue(this, settings.receive);
    this.send = new SendQueue(this, settings.sendConcurrency);
    loop.add(this);
    if (origin === "new" || origin === "adopted") this.open();
    /* After a close that nothing here asked for, the library has forgotten the
     * addresses. */
    if (origin === "watched") this.#remember();
  }

  /** The user has closed it, or it has failed. */
  get isClosed(): boolean {
    return this.#phase >= CLOSING;
  }

  get #isReleased(): boolean {
    return this.#phase === RELEASED;
  }

  /** What it failed with last. */
  get lastError(): SocketError | undefined {
    return this.#extras?.lastError;
  }

  received(chunk: Uint8Array): void {
    if (!this.isClosed || this.#extras?.isDetaching) {
      this.receive.received(chunk);
    } else if (this.#extras?.isAbandoned) this.reset();
  }

  receiveEnded(result: number, errno: number): void {
    /* After a close it only says that it was canceled. After a detach the next
     * owner of the socket gets the end once more. */
    if (this.isClosed) return;
    this.receive.end(
      result === 0 ? undefined : this.failure(result, "read", errno),
    );
  }

  readable(): void {
    if (!this.isClosed) this.receive.readable();
  }

  sent(result: number, errno: number): void {
    if (this.#extras?.timer !== undefined) this.#armDeadline();
    this.send.sent(result, errno);
  }

  shut(result: number, errno: number): void {
    this.send.shut(result, errno);
  }

  /** The library has closed it: because it was asked to, or by itself. */
  closed(result: number, errno: number, handle: number): void {
    const onDetached = this.#takeOnDetached();
    if (onDetached !== undefined) {
      onDetached(result, errno, handle);
      this.#finishRelease();
      return;
    }
    if (this.#isReleased) return;
    const error = this.failure(result, "read", errno);
    this.#finishRelease();
    this.receive.end(error);
    this.send.fail(error);
  }

  failure(
    result: number,
    syscall: string,
    errno?: number,
    action?: string,
  ): SocketError {
    const options = { syscall, action, ...this.#peer() };
    return this.#needExtras().lastError = errno === undefined
      ? this.loop.port.error(result, options)
      : errorOf(result, { ...options, errno });
  }

  /* For a message; that it cannot be told is no reason for another failure. */
  #peer(): { address?: string; port?: number } {
    try {
      const { hostname: address, port } = this.address(PEER);
      return { address, port };
    } catch {
      return {};
    }
  }

  /** The error of every call after the close. */
  closedError(syscall: string, action?: string): SocketError {
    return new SocketError("EBADF", {
      syscall,
      action,
      detail: "the connection is closed",
    });
  }

  /** The address of one end; it stays known after the close. */
  address(end: typeof LOCAL | typeof PEER): NetAddr {
    const { addresses } = this.#needExtras();
    const known = addresses[end];
    if (known !== undefined && !(known instanceof Uint8Array)) return known;
    return addresses[end] = decodeAddress(
      known ?? this.loop.port.addressBytes(this.id, end),
    );
  }

  stats(): ConnStats {
    if (this.isClosed) throw this.closedError("ioctl");
    const stats = this.loop.port.socketStats(this.id);
    const bytesAhead = this.receive.ahead;
    return {
      operations: stats.operations,
      receivesPosted: stats.receivesPosted,
      bytesPosted: stats.bytesPosted,
      bytesReadable: stats.bytesReadable + bytesAhead,
      bytesAhead,
      sends: stats.sends,
      bytesKept: stats.bytesKept,
      bytesReceived: stats.bytesReceived,
      bytesSent: stats.bytesSent,
    };
  }

  /** The user lets the process end while it is open. */
  get isUnref(): boolean {
    return this.#extras?.isUnref ?? false;
  }

  /** Hands it to the user. A connection that was accepted waits for that. */
  open(): void {
    if (this.#phase !== WAITING) return;
    this.#phase = OPEN;
    this.loop.ref();
  }

  setRef(isRef: boolean): void {
    const isUnref = this.#extras?.isUnref ?? false;
    if (this.#isReleased || isRef !== isUnref) return;
    this.#needExtras().isUnref = !isRef;
    this.#updateHold();
  }

  /* Without a ref the peer may say what it likes, or nothing. What this side has
   * begun comes to its end all the same: writes, also those that a close waits
   * for, and a detach. */
  #updateHold(): void {
    const extras = this.#extras;
    if (extras === undefined || this.#isReleased) return;
    const holds = !extras.isUnref || extras.isDetaching || this.send.isBusy;
    if (holds === extras.isHolding) return;
    extras.isHolding = holds;
    if (holds) this.loop.ref();
    else this.loop.unref();
  }

  /** Something waits to leave. */
  entered(): void {
    this.#updateHold();
  }

  /** A `for await` loop over the connection has come to its end. */
  iterationEnded(isError: boolean): void {
    if (this.isLeftOpenAtEnd) return;
    if (isError || !this.settings.allowHalfOpen) this.close();
  }

  /** Receives no more; what was written leaves, then the connection ends. */
  close(): void {
    if (this.isClosed) return;
    this.#markClosed();
    if (this.send.isBusy) this.#armDeadline();
    else this.#release(GRACEFUL);
  }

  /**
   * Closes as the system's own close does, when that is all that happens: what
   * was written leaves, but a peer that has sent what nothing has read, or that
   * still sends, gets a reset and not the impression that it was received
   * (RFC 2525, 2.17).
   */
  abandon(): void {
    if (this.isClosed) return;
    if (this.#hasUnread()) {
      this.reset();
      return;
    }
    this.#needExtras().isAbandoned = true;
    this.close();
  }

  #hasUnread(): boolean {
    if (this.receive.ahead > 0) return true;
    try {
      return this.loop.port.socketStats(this.id).bytesReadable > 0;
    } catch {
      /* The library has closed it. */
      return false;
    }
  }

  /** Ends it at once, with RST; what has not left is given up. */
  reset(): void {
    if (this.#isReleased) return;
    this.#markClosed();
    this.#release(RESET);
    this.send.fail(
      new SocketError("EINTR", {
        syscall: "write",
        detail: "the connection was reset by this side",
      }),
    );
  }

  /** Resolves when everything written has left or failed, after a close. */
  released(): Promise<void> {
    return new Promise((resolve) => this.onReleased(resolve));
  }

  /** The same with a callback, which must not run user code. */
  onReleased(callback: () => void): void {
    if (this.#isReleased) callback();
    else (this.#needExtras().onReleased ??= []).push(callback);
  }

  /**
   * Gives the handle back, when everything written has left. Resolves to it and
   * to the bytes that have come and were not read.
   */
  async detach(): Promise<DetachedSocket> {
    if (this.isClosed) {
      throw this.closedError(DETACH_CALL.syscall, DETACH_CALL.action);
    }
    this.#remember();
    this.receive.keep("the connection was detached");
    this.#phase = CLOSING;
    const extras = this.#needExtras();
    extras.isDetaching = true;
    this.#updateHold();
    if (this.send.isBusy) {
      this.#armDeadline();
      await new Promise<void>((resolve) => extras.onDrained = resolve);
    }
    return await this.#detachNow();
  }

  #detachNow(): Promise<DetachedSocket> {
    const { loop, id, settings } = this;
    return new Promise((resolve, reject) => {
      const failed = (result: number, errno?: number) => {
        this.receive.takeAll();
        reject(
          this.failure(result, DETACH_CALL.syscall, errno, DETACH_CALL.action),
        );
      };
      if (this.#isReleased) {
        reject(
          this.lastError ??
            this.closedError(DETACH_CALL.syscall, DETACH_CALL.action),
        );
        return;
      }
      const result = loop.port.close(id, DETACH, settings.closeTimeout);
      if (result < 0) {
        this.reset();
        failed(result);
        return;
      }
      this.#needExtras().onDetached = (result, errno, handle) => {
        if (result < 0) failed(result, errno);
        else resolve({ handle, bytes: this.receive.takeAll() });
      };
    });
  }

  /** The port is about to be closed. A write that it has only got a part of must
   * not look whole to the peer. */
  portClosing(): void {
    if (!this.isClosed) this.#remember();
    if (this.#isReleased || !this.send.isBusy) return;
    this.loop.port.close(this.id, RESET, 0);
  }

  /* The library forgets both addresses soon, and they stay known. */
  #remember(): void {
    const { addresses } = this.#needExtras();
    for (const end of [LOCAL, PEER] as const) {
      try {
        addresses[end] ??= this.loop.port.addressBytes(this.id, end).slice();
      } catch {
        /* The system has forgotten it already; whoever asks hears of it. */
      }
    }
  }

  /** The port was closed under it. */
  portClosed(): void {
    const detail = "its completion port was closed";
    const onDetached = this.#takeOnDetached();
    this.#finishRelease();
    this.receive.close(detail);
    this.send.fail(new SocketError("EINTR", { syscall: "read", detail }));
    onDetached?.(numberOf("EINTR"), 0, 0);
  }

  drained(): void {
    this.#updateHold();
    const extras = this.#extras;
    const onDrained = extras?.onDrained;
    if (onDrained !== undefined) {
      extras!.onDrained = undefined;
      onDrained();
      return;
    }
    if (extras?.onDetached !== undefined) return;
    if (this.isClosed && !this.#isReleased) this.#release(GRACEFUL);
  }

  #markClosed(): void {
    if (this.isClosed) return;
    this.open();
    this.#remember();
    this.#phase = CLOSING;
    this.receive.close("the connection was closed");
  }

  #release(mode: number): void {
    const isAbandoned = mode === GRACEFUL && this.#extras?.isAbandoned;
    if (isAbandoned && this.#hasUnread()) mode = RESET;
    this.#finishRelease();
    /* Everything has left. Without time to wait for the peer's end, the system
     * answers what still comes. */
    const timeout = isAbandoned ? 0 : this.settings.closeTimeout;
    this.loop.port.close(this.id, mode, timeout);
  }

  #finishRelease(): void {
    if (this.#isReleased) return;
    this.open();
    this.#phase = RELEASED;
    const extras = this.#extras;
    if (extras?.isHolding ?? true) this.loop.unref();
    if (extras === undefined) return;
    clearTimeout(extras.timer);
    for (const resolve of extras.onReleased ?? []) resolve();
    extras.onReleased = undefined;
  }

  #needExtras(): Extras {
    return this.#extras ??= new Extras();
  }

  #takeOnDetached(): Extras["onDetached"] {
    const onDetached = this.#extras?.onDetached;
    if (onDetached !== undefined) this.#extras!.onDetached = undefined;
    return onDetached;
  }

  /* While a close waits for writes, each part that leaves gives it its whole time
   * again, and so does all that the peer acknowledges: a peer that is slow may
   * need longer for a part. The time is counted in checks, so that a machine
   * that has slept, during which some runtimes' timers go on, loses one of them.
   * The connection holds the process alive meanwhile, so the timer need not. */
  #armDeadline(): void {
    this.#hasProgressed();
    this.#armCheck(CLOSE_CHECKS);
  }

  #armCheck(left: number): void {
    const extras = this.#needExtras();
    clearTimeout(extras.timer);
    extras.timer = setTimeout(() => {
      if (this.#hasProgressed()) this.#armCheck(CLOSE_CHECKS);
      else if (left > 1) this.#armCheck(left - 1);
      else this.reset();
    }, Math.ceil(this.settings.closeTimeout / CLOSE_CHECKS));
    runtime.unrefTimer(extras.timer);
  }

  /* Whether the peer has acknowledged bytes since this was asked the last time. */
  #hasProgressed(): boolean {
    return this.loop.port.hasProgressed(this.id);
  }
}
