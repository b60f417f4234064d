// Copyright the iocp authors. MIT license.
/* One connected socket of a loop: both directions, and its close. What users
 * see of it is a Conn. */

import { decodeAddress, type NetAddr } from "./address.ts";
import {
  CLOSED,
  DETACH,
  GRACEFUL,
  LOCAL,
  NO_DELAY,
  PEER,
  READABLE,
  RECEIVED,
  RESET,
  SEND_CONCURRENCY,
  SENT,
  SHUT,
} from "./completion.ts";
import type { DetachedSocket } from "./detached_socket.ts";
import { errorOf, numberOf, SocketError } from "./errors.ts";
import { Extras } from "./extras.ts";
import { clearTimeout, setTimeout } from "./globals.ts";
import { keepAliveNumbers, type KeepAliveSettings } from "./keep_alive.ts";
import type { Endpoint, Loop } from "./loop.ts";
import type { ConnSettings } from "./options.ts";
import {
  DEFAULT_RECEIVE,
  receiveNumbers,
  type ReceiveSettings,
} from "./receive_mode.ts";
import { type ReceiveOwner, ReceiveQueue } from "./receive_queue.ts";
import { type SendOwner, SendQueue } from "./send_queue.ts";
import { runtime } from "./runtime.ts";
import type { ConnStats } from "./stats.ts";

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

/** A connected socket. */
export class Stream implements Endpoint, ReceiveOwner, SendOwner {
  readonly loop: Loop;
  readonly socket: number;
  readonly settings: ConnSettings;
  readonly receive: ReceiveQueue;
  readonly send: SendQueue;
  /** Whoever iterates closes it himself, when his writes are done. */
  isLeftOpenAtEnd = false;
  #phase: Phase = WAITING;
  #extras: Extras | undefined;

  /** `origin` says whose options the socket has in the library already. */
  constructor(
    loop: Loop,
    socket: number,
    settings: ConnSettings,
    origin: "new" | "accepted" | "watched",
  ) {
    this.loop = loop;
    this.socket = socket;
    this.settings = settings;
    this.receive = new ReceiveQueue(this, settings.receive);
    this.send = new SendQueue(this, settings.sendConcurrency);
    loop.add(this);
    if (origin === "new") this.take();
    this.#applySettings(origin === "new");
    /* The library may close it by itself, and then forgets them. */
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

  complete(kind: number, result: number, detail: number): void {
    switch (kind) {
      case RECEIVED:
        /* After a close it only says that it was canceled. In a detach bytes
         * still come; the end is met again by whoever has the socket next. */
        if (!this.isClosed || (this.#extras?.isDetaching && result > 0)) {
          this.receive.received(result, detail);
        }
        return;
      case SENT:
        if (this.#extras?.timer !== undefined) this.#armDeadline();
        this.send.sent(result, detail);
        return;
      case READABLE:
        if (this.isClosed) return;
        if (result === 0) this.receive.readable();
        else this.receive.end(this.failure(result, "receive", detail));
        return;
      case SHUT:
        this.send.shut(result, detail);
        return;
      case CLOSED:
        this.loop.remove(this);
        this.#closed(result, detail);
        return;
    }
  }

  failure(result: number, syscall: string, errno?: number): SocketError {
    const options = { syscall, ...this.#peer() };
    return this.#needExtras().lastError = errno === undefined
      ? this.loop.error(result, options)
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
  closedError(syscall: string): SocketError {
    return new SocketError("EBADF", {
      syscall,
      detail: "the connection is closed",
    });
  }

  /** The address of one end; it stays known after the close. */
  address(end: typeof LOCAL | typeof PEER): NetAddr {
    const { addresses } = this.#needExtras();
    const known = addresses[end];
    if (known !== undefined && !(known instanceof Uint8Array)) return known;
    return addresses[end] = decodeAddress(
      known ?? this.loop.name(this.socket, end),
    );
  }

  /** Throws when the connection is closed or the system refuses. */
  setOption(option: number, value: number): void {
    if (this.isClosed) throw this.closedError("set an option");
    const result = this.loop.setOption(this.socket, option, value);
    if (result < 0) throw this.failure(result, "set an option");
  }

  /** The value of an option, as the library or the system has it. */
  getOption(option: number): number {
    if (this.isClosed) throw this.closedError("get an option");
    const result = this.loop.getOption(this.socket, option);
    if (result < 0) throw this.failure(result, "get an option");
    return result;
  }

  stats(): ConnStats {
    if (this.isClosed) throw this.closedError("count");
    const stats = this.loop.socketStats(this.socket);
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

  setKeepAlive(settings: KeepAliveSettings): void {
    for (const [option, value] of keepAliveNumbers(settings)) {
      this.setOption(option, value);
    }
  }

  setReceive(settings: ReceiveSettings): void {
    for (const [option, value] of receiveNumbers(settings)) {
      this.setOption(option, value);
    }
    this.receive.settings = settings;
  }

  setSendConcurrency(concurrency: number): void {
    this.setOption(SEND_CONCURRENCY, concurrency);
    this.send.concurrency = concurrency;
  }

  /* A connection that is gone already says so to whoever uses it. */
  #applySettings(isNew: boolean): void {
    const { loop, socket } = this;
    const { noDelay, keepAlive, receive, sendConcurrency } = this.settings;
    if (noDelay) loop.setOption(socket, NO_DELAY, 1);
    if (keepAlive !== false) {
      for (const [option, value] of keepAliveNumbers(keepAlive)) {
        loop.setOption(socket, option, value);
      }
    }
    if (!isNew) return;
    if (receive !== DEFAULT_RECEIVE) {
      for (const [option, value] of receiveNumbers(receive)) {
        loop.setOption(socket, option, value);
      }
    }
    if (sendConcurrency !== 1) {
      loop.setOption(socket, SEND_CONCURRENCY, sendConcurrency);
    }
  }

  /** It is the user's from now on; one that was accepted is not before. */
  take(): void {
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

  /** Ends it at once, with RST; what has not left is given up. */
  reset(): void {
    if (this.#isReleased) return;
    this.#markClosed();
    this.#release(RESET);
    this.send.fail(
      new SocketError("EINTR", {
        syscall: "send",
        detail: "the connection was reset by this side",
      }),
    );
  }

  /** Resolves when everything written has left or failed, after a close. */
  released(): Promise<void> {
    if (this.#isReleased) return Promise.resolve();
    return new Promise((resolve) => {
      (this.#needExtras().onReleased ??= []).push(resolve);
    });
  }

  /**
   * Gives the handle back, when everything written has left. Resolves to it and
   * to the bytes that have come and were not read.
   */
  async detach(): Promise<DetachedSocket> {
    if (this.isClosed) throw this.closedError("detach");
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
    const { loop, socket, settings } = this;
    return new Promise((resolve, reject) => {
      const failed = (result: number, errno?: number) => {
        this.receive.takeAll();
        reject(this.failure(result, "detach", errno));
      };
      if (this.#isReleased) {
        reject(this.lastError ?? this.closedError("detach"));
        return;
      }
      const result = loop.native.iocp_close(
        loop.port,
        socket,
        DETACH,
        settings.closeTimeout,
      );
      if (result < 0) {
        this.reset();
        failed(result);
        return;
      }
      this.#needExtras().onDetached = (result, detail) => {
        if (result < 0) failed(result, detail);
        else resolve({ handle: detail >>> 0, bytes: this.receive.takeAll() });
      };
      loop.kick();
    });
  }

  /** The port is about to be closed. A write that it has only got a part of must
   * not look whole to the peer. */
  leave(): void {
    if (!this.isClosed) this.#remember();
    if (this.#isReleased || !this.send.isBusy) return;
    this.loop.native.iocp_close(this.loop.port, this.socket, RESET, 0);
  }

  /* The library forgets both addresses soon, and they stay known. */
  #remember(): void {
    const { addresses } = this.#needExtras();
    for (const end of [LOCAL, PEER] as const) {
      try {
        addresses[end] ??= this.loop.name(this.socket, end).slice();
      } catch {
        /* The system has forgotten it already; whoever asks hears of it. */
      }
    }
  }

  /** The port was closed under it. */
  lose(): void {
    const detail = "its completion port was closed";
    const onDetached = this.#takeOnDetached();
    this.#finishRelease();
    this.receive.close(detail);
    this.send.fail(new SocketError("EINTR", { syscall: "receive", detail }));
    onDetached?.(numberOf("EINTR"), 0);
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

  /* The library has closed it: because it was asked to, or by itself. */
  #closed(result: number, errno: number): void {
    const onDetached = this.#takeOnDetached();
    if (onDetached !== undefined) {
      onDetached(result, errno);
      this.#finishRelease();
      return;
    }
    if (this.#isReleased) return;
    const error = this.failure(result, "receive", errno);
    this.#finishRelease();
    this.receive.end(error);
    this.send.fail(error);
  }

  #markClosed(): void {
    if (this.isClosed) return;
    this.take();
    this.#remember();
    this.#phase = CLOSING;
    this.receive.close("the connection was closed");
  }

  #release(mode: number): void {
    this.#finishRelease();
    const { native, port } = this.loop;
    native.iocp_close(port, this.socket, mode, this.settings.closeTimeout);
    this.loop.kick();
  }

  #finishRelease(): void {
    if (this.#isReleased) return;
    this.take();
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

  /* While a close waits for writes, each part that leaves buys more time. The
   * connection holds the process alive meanwhile, so the timer need not. */
  #armDeadline(): void {
    const extras = this.#needExtras();
    clearTimeout(extras.timer);
    extras.timer = setTimeout(() => this.reset(), this.settings.closeTimeout);
    runtime.unrefTimer(extras.timer);
  }
}
