// Copyright the iocp authors. MIT license.
/* One connected socket of a loop: both directions, and its close. What users
 * see of it is a Conn. */

import type { NetAddr } from "./address.ts";
import {
  CLOSED,
  GRACEFUL,
  KEEP_ALIVE,
  LOCAL,
  NO_DELAY,
  PEER,
  READABLE,
  RECEIVED,
  RESET,
  SENT,
  SHUT,
} from "./completion.ts";
import { errorOf, SocketError } from "./errors.ts";
import { clearTimeout, setTimeout } from "./globals.ts";
import type { Endpoint, Loop } from "./loop.ts";
import type { ConnSettings } from "./options.ts";
import { type ReceiveOwner, ReceiveQueue } from "./receive_queue.ts";
import { type SendOwner, SendQueue } from "./send_queue.ts";

/** A connected socket. */
export class Stream implements Endpoint, ReceiveOwner, SendOwner {
  readonly loop: Loop;
  readonly socket: number;
  readonly settings: ConnSettings;
  readonly receive: ReceiveQueue = new ReceiveQueue(this);
  readonly send: SendQueue = new SendQueue(this);
  /** The user has closed it; what was written before may still leave. */
  isClosed = false;
  /** The library has been told to close it. */
  #isReleased = false;
  #isRef = true;
  #timer: unknown;
  #addresses: [local?: NetAddr, peer?: NetAddr] = [];
  #onReleased: (() => void)[] = [];

  constructor(loop: Loop, socket: number, settings: ConnSettings) {
    this.loop = loop;
    this.socket = socket;
    this.settings = settings;
    loop.add(this);
    loop.ref();
    this.#applySettings();
  }

  complete(kind: number, result: number, detail: number): void {
    switch (kind) {
      case RECEIVED:
        /* After a close it only says that it was canceled. */
        if (!this.isClosed) this.receive.received(result, detail);
        return;
      case SENT:
        if (this.#timer !== undefined) this.#armDeadline();
        this.send.sent(result, detail);
        return;
      case READABLE:
        if (!this.isClosed) this.receive.readable();
        return;
      case SHUT:
        this.send.shut(result, detail);
        return;
      case CLOSED:
        this.loop.remove(this);
        return;
    }
  }

  failure(result: number, syscall: string, errno?: number): SocketError {
    const { hostname, port } = this.address(PEER);
    const options = { syscall, address: hostname, port };
    return errno === undefined
      ? this.loop.error(result, options)
      : errorOf(result, { ...options, errno });
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
    return this.#addresses[end] ??= this.loop.address(this.socket, end);
  }

  /** Throws when the connection is closed or the system refuses. */
  setOption(option: number, isOn: boolean): void {
    if (this.isClosed) throw this.closedError("set an option");
    const { native, port } = this.loop;
    const value = isOn ? 1 : 0;
    const result = native.iocp_set_option(port, this.socket, option, value);
    if (result < 0) throw this.failure(result, "set an option");
  }

  /* A connection that is gone already says so to whoever uses it. */
  #applySettings(): void {
    const { native, port } = this.loop;
    const { noDelay, keepAlive } = this.settings;
    if (noDelay) native.iocp_set_option(port, this.socket, NO_DELAY, 1);
    if (keepAlive) native.iocp_set_option(port, this.socket, KEEP_ALIVE, 1);
  }

  setRef(isRef: boolean): void {
    if (this.#isReleased || isRef === this.#isRef) return;
    this.#isRef = isRef;
    if (isRef) this.loop.ref();
    else this.loop.unref();
  }

  /** A `for await` loop over the connection has come to its end. */
  iterationEnded(isError: boolean): void {
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
    return new Promise((resolve) => this.#onReleased.push(resolve));
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
    this.address(LOCAL);
    this.address(PEER);
  }

  /** The port was closed under it. */
  lose(): void {
    const error = new SocketError("EINTR", {
      syscall: "receive",
      detail: "its completion port was closed",
    });
    this.isClosed = true;
    this.#finishRelease();
    this.receive.close(error);
    this.send.fail(error);
  }

  drained(): void {
    if (this.isClosed && !this.#isReleased) this.#release(GRACEFUL);
  }

  #markClosed(): void {
    if (this.isClosed) return;
    this.#remember();
    this.isClosed = true;
    this.receive.close(
      new SocketError("EINTR", {
        syscall: "receive",
        detail: "the connection was closed",
      }),
    );
  }

  #release(mode: number): void {
    this.#finishRelease();
    const { native, port } = this.loop;
    native.iocp_close(port, this.socket, mode, this.settings.closeTimeout);
    this.loop.kick();
  }

  #finishRelease(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    clearTimeout(this.#timer);
    if (this.#isRef) this.loop.unref();
    for (const resolve of this.#onReleased) resolve();
    this.#onReleased = [];
  }

  /* While a close waits for writes, each part that leaves buys more time. */
  #armDeadline(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.reset(), this.settings.closeTimeout);
  }
}
