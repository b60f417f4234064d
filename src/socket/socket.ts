// Copyright the iocp authors. MIT license.

import type { Chunk } from "./chunk_queue.ts";
import { type Addr, errorAddress } from "../native/address.ts";
import { type CloseOwner, Closing } from "./closing.ts";
import { LOCAL, PEER, RESET } from "../native/completion.ts";
import type { ConnSettings } from "../options/conn.ts";
import type { ConnStats } from "../stats.ts";
import { DETACH as DETACH_CALL } from "../native/system_calls.ts";
import type { DetachedSocket } from "./detached_socket.ts";
import type { Endpoint } from "../loop/endpoint.ts";
import {
  NotSupported,
  SocketError,
  type SocketErrorOptions,
} from "../errors.ts";
import { type ConnEnd, type Ending, LastKnown } from "./last_known.ts";
import { Loop } from "../loop/loop.ts";
import type { Peer } from "../native/peer.ts";
import { applyOptions, type Origin } from "../options/native_options.ts";
import { NO_DETACH } from "../options/tls.ts";
import { type ReceiveOwner, ReceiveQueue } from "./receive_queue.ts";
import { type SendOwner, SendQueue } from "./send_queue.ts";
import type { SocketLoop } from "../loop/socket_loop.ts";
import type { Monitor } from "../watching/monitor.ts";

/* The life of a socket. An accepted one does not keep the process alive before
 * accept() returns it. */
const ACCEPTED = 0;
const OPEN = 1;
/* This side has closed it, or it has failed; writes may be pending. */
const CLOSING = 2;
/* The library closes it, or has closed it. */
const RELEASED = 3;
type Phase =
  | typeof ACCEPTED
  | typeof OPEN
  | typeof CLOSING
  | typeof RELEASED;

const CLOSED: Ending = { code: "EBADF", detail: "the connection is closed" };

/** The settings of a socket; a listener's connections share them. */
export interface SocketSettings extends ConnSettings {
  /** The address of the listener that has accepted it. */
  readonly listenerAddr?: Addr | undefined;
}

/** A connected socket of a loop: both directions, and its close. The public
 * class is Conn. */
export class Socket implements Endpoint, ReceiveOwner, SendOwner, CloseOwner {
  readonly loop: SocketLoop;
  readonly id: number;
  settings: SocketSettings;
  readonly receive: ReceiveQueue;
  readonly send: SendQueue;
  #phase: Phase = ACCEPTED;
  /* Both are created on demand, to keep idle connections small. */
  #lastKnown: LastKnown | undefined;
  #closing: Closing | undefined;

  constructor(
    loop: SocketLoop,
    id: number,
    settings: SocketSettings,
    origin: Origin,
  ) {
    this.loop = loop;
    this.id = id;
    this.settings = settings;
    applyOptions(loop.port, id, settings, origin);
    this.receive = new ReceiveQueue(this);
    this.send = new SendQueue(this);
    loop.add(this);
    if (origin === "new" || origin === "adopted") this.open();
    if (origin === "watched" || origin === "shared") this.#rememberAddresses();
  }

  /** It is a named pipe, which cannot end in one direction. */
  get isPipe(): boolean {
    return this.settings.transport === "pipe";
  }

  /** The loop of the thread; undefined for a connection with TLS, whose bytes do
   * not come from the library. */
  get threadLoop(): Loop | undefined {
    return this.loop instanceof Loop ? this.loop : undefined;
  }

  /** This side has closed it, or it has failed. */
  get isClosed(): boolean {
    return this.#phase >= CLOSING;
  }

  get isReleased(): boolean {
    return this.#phase === RELEASED;
  }

  get lastError(): SocketError | undefined {
    return this.#lastKnown?.error;
  }

  /** This side has ended it, by {@linkcode end}. */
  get isEnded(): boolean {
    return this.#lastKnown?.ending !== undefined;
  }

  /** accept() returns the connection: from now on it may keep the process
   * alive. */
  open(): void {
    if (this.#phase !== ACCEPTED) return;
    this.#phase = OPEN;
    this.loop.ref();
  }

  /* ---- completions */

  received(chunk: Chunk): void {
    const closing = this.#closing;
    if (!this.isClosed || closing?.isDetaching) this.receive.received(chunk);
    else if (closing?.isAbandoned) this.reset();
  }

  receiveEnded(result: number, errno: number): void {
    /* After a close it only says that receiving was canceled; after a detach the
     * next owner gets the end once more. */
    if (this.isClosed) return;
    const error = result < 0 ? this.failure(result, "read", errno) : undefined;
    this.receive.end(error);
  }

  receiveDone(): void {
    this.#closing?.notify();
  }

  readable(): void {
    if (!this.isClosed) this.receive.readable();
  }

  sent(result: number, errno: number): void {
    this.#closing?.sent();
    this.send.sent(result, errno);
  }

  shut(result: number, errno: number): void {
    this.send.shut(result, errno);
  }

  closed(result: number, errno: number, handle: number): void {
    const closing = this.#closing;
    if (closing?.closed(result, errno, handle)) return;
    if (this.isReleased) {
      closing?.ended(
        result < 0
          ? this.#errorOf(result, { syscall: "close", errno })
          : this.lastError,
      );
      return;
    }
    /* The library has closed it by itself (IOCP_CLOSED in iocp.h has the reasons), or
     * TLS has. */
    const error = this.failure(result, "read", errno);
    this.#needLastKnown().ending = {
      code: error.code,
      detail: "the connection was closed because of that",
    };
    closing?.ended(error);
    /* What has failed below TLS is not known here. */
    const isOfLibrary = this.threadLoop !== undefined;
    if (isOfLibrary && error.code === "ETIMEDOUT") {
      closing?.endedBy("firstByteTimeout");
    }
    this.release();
    this.receive.end(error);
    this.send.fail(error);
  }

  portClosing(): void {
    if (!this.isClosed) this.#rememberAddresses();
    this.monitor?.count();
    if (this.isReleased || !this.send.isBusy) return;
    /* The peer must not mistake the part of a write that it gets for the whole. */
    this.loop.port.close(this.id, RESET, 0);
  }

  portClosed(): void {
    const detail = "its completion port was closed";
    this.release();
    this.#closing?.portClosed();
    this.#closing?.ended(
      new SocketError("EINTR", { syscall: "close", detail }),
    );
    this.receive.close(detail);
    this.send.fail(new SocketError("EINTR", { syscall: "write", detail }));
  }

  /* ---- what it is, and what has happened to it */

  /** Makes the error for a negative result, which is then the last one. */
  failure(
    result: number,
    syscall: string,
    errno?: number,
    action?: string,
  ): SocketError {
    const error = this.#errorOf(result, { syscall, action, errno });
    this.#closing?.monitor?.failed(error);
    return this.#needLastKnown().error = error;
  }

  #errorOf(result: number, options: SocketErrorOptions): SocketError {
    return this.loop.port.error(result, { ...options, ...this.errorPeer });
  }

  /** The peer, for an error message. A failure to get it must not hide the error
   * itself. */
  get errorPeer(): { address?: string; port?: number } {
    try {
      return errorAddress(this.address(PEER));
    } catch {
      return {};
    }
  }

  /** The error of every call after the close. */
  closedError(syscall: string, action?: string): SocketError {
    const { code, detail } = this.#lastKnown?.ending ?? CLOSED;
    return new SocketError(code, { syscall, action, detail });
  }

  /**
   * The address of one end, also after the close.
   *
   * The system is queried at most once, and not by a close: after it, a local
   * address that was never requested is that of the listener, which may be
   * unspecified.
   */
  address(end: ConnEnd): Addr {
    const lastKnown = this.#needLastKnown();
    const known = lastKnown.address(end);
    if (known !== undefined) return known;
    const { listenerAddr } = this.settings;
    const address = this.isClosed && end === LOCAL && listenerAddr !== undefined
      ? { ...listenerAddr }
      : this.loop.port.address(this.id, end);
    lastKnown.setAddress(end, address);
    return address;
  }

  /** Reuses an address that is known already. */
  rememberAddress(end: ConnEnd, address: Addr | Uint8Array): void {
    this.#needLastKnown().setAddress(end, address);
  }

  /* The library forgets the addresses soon, so those that cost no system call
   * are saved. The local address of an accepted connection would cost one. */
  #rememberAddresses(): void {
    this.#rememberEnd(PEER);
    if (this.settings.listenerAddr === undefined) this.#rememberEnd(LOCAL);
  }

  #rememberEnd(end: ConnEnd): void {
    if (this.#lastKnown?.hasAddress(end)) return;
    try {
      const bytes = this.loop.port.addressBytes(this.id, end);
      this.rememberAddress(end, bytes.slice());
    } catch {
      /* The connection has failed before. The error comes when it is asked for. */
    }
  }

  /** The process of the peer. */
  peer(): Peer {
    if (this.isClosed) {
      throw this.closedError("getsockopt", "get the process of the peer");
    }
    return this.loop.port.peer(this.id);
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
      bytesUnsent: stats.bytesUnsent,
      bytesReceived: stats.bytesReceived,
      bytesSent: stats.bytesSent,
    };
  }

  /** The bytes of writes that the system has not accepted. */
  get writableLength(): number {
    const { send } = this;
    if (!send.isBusy || this.isReleased) return 0;
    return send.unaccepted + this.loop.port.socketStats(this.id).bytesUnsent;
  }

  hasUnread(): boolean {
    if (this.receive.ahead > 0) return true;
    try {
      return this.loop.port.socketStats(this.id).bytesReadable > 0;
    } catch {
      /* The library has closed it. */
      return false;
    }
  }

  /* ---- keeping the process alive */

  /** The user lets the process end while it is open. */
  get isUnref(): boolean {
    return this.#closing?.isUnref ?? false;
  }

  setRef(isRef: boolean): void {
    if (!this.isReleased && isRef === this.isUnref) {
      this.#needClosing().setRef(isRef);
    }
  }

  writesPending(): void {
    const closing = this.#closing;
    if (closing === undefined) return;
    closing.updateHold();
    closing.monitor?.writesPending();
  }

  writesDone(): void {
    const closing = this.#closing;
    if (closing === undefined) return;
    closing.updateHold();
    closing.monitor?.writesDone();
    if (this.isClosed) closing.writesDone();
  }

  /* ---- closing */

  /** Receives no more; when all writes were sent the connection ends. */
  close(): void {
    if (!this.isClosed) this.#startClosing().close();
  }

  /** The same, but the connection is reset if that has not ended by the deadline.
   * Rejects when not everything was sent. */
  closeWithin(deadlineMs: number | undefined): Promise<void> {
    const isFirst = !this.isClosed;
    const hasEnded = this.isReleased && this.#closing === undefined;
    const closing = this.#startClosing();
    if (closing.isDetaching) return Promise.resolve();
    if (hasEnded) closing.ended(this.lastError);
    const ended = closing.endWithin(deadlineMs);
    if (isFirst) closing.close(deadlineMs);
    return ended;
  }

  /**
   * Closes as a plain close() of the system does: all writes are sent, but a
   * peer whose bytes were not read, or that sends more, gets a reset, so that
   * it does not believe that they were received (RFC 2525, 2.17).
   */
  abandon(): void {
    if (this.isClosed) return;
    if (this.hasUnread()) this.reset();
    else this.#startClosing().abandon();
  }

  /** Closes the connection if both directions have ended. What it has received is for
   * the reader, whose end calls this again. */
  closeIfOver(): void {
    const { receive, send } = this;
    if (receive.isEnded && receive.ahead === 0 && send.isEnded) this.close();
  }

  /** Ends the connection at once, with RST; pending writes fail. */
  reset(): void {
    if (this.isReleased) return;
    const closing = this.#startClosing();
    closing.reset();
    const detail = "the connection was reset by this side";
    closing.ended(new SocketError("EINTR", { syscall: "close", detail }));
    this.send.fail(new SocketError("EINTR", { syscall: "write", detail }));
  }

  /**
   * Ends the connection. Pending and later calls fail with errors of that kind. The
   * peer sees an end or, if writes were pending, a reset.
   */
  end(ending: Ending): void {
    if (this.isClosed) return;
    const isPartial = this.send.isBusy;
    const lastKnown = this.#needLastKnown();
    lastKnown.ending = ending;
    lastKnown.error = this.closedError("read");
    this.monitor?.failed(lastKnown.error);
    const closing = this.#startClosing(lastKnown.error);
    if (ending.timeout !== undefined) closing.endedBy(ending.timeout);
    if (isPartial) closing.reset();
    else closing.close();
    this.send.fail(this.closedError("write"));
  }

  /** Calls `callback`, which must not run user code, each time that a direction
   * fails, at the peer's end and at the release, until {@linkcode unwatch}. */
  watch(callback: () => void): void {
    if (this.isReleased) callback();
    else this.#needClosing().watch(callback);
  }

  unwatch(callback: () => void): void {
    this.#closing?.unwatch(callback);
  }

  /** What reports to `onEvent`, if there is one. */
  get monitor(): Monitor | undefined {
    return this.#closing?.monitor;
  }

  setMonitor(monitor: Monitor | undefined): void {
    this.#needClosing().monitor = monitor;
  }

  /** Closes because a loop over it was ended by one of its limits. */
  closeAfter(error: unknown): void {
    const { monitor } = this;
    if (monitor !== undefined && this.lastError === undefined) {
      if (!(error instanceof SocketError)) monitor.isReset = true;
      else if (error.code === "ETIMEDOUT") monitor.timeout ??= "timeout";
    }
    this.close();
  }

  /** Resolves when all writes were sent or have failed, after a close. */
  released(): Promise<void> {
    return new Promise((resolve) => this.onReleased(resolve));
  }

  /** The same with a callback, which must not run user code. */
  onReleased(callback: () => void): void {
    if (this.isReleased) callback();
    else this.#needClosing().onReleased(callback);
  }

  /**
   * When all writes were sent, resolves to the system's handle and the received
   * bytes that were not read.
   */
  async detach(): Promise<DetachedSocket> {
    if (this.threadLoop === undefined) throw new NotSupported(NO_DETACH);
    if (this.isClosed) {
      throw this.closedError(DETACH_CALL.syscall, DETACH_CALL.action);
    }
    this.receive.prepareDetach();
    this.#rememberAddresses();
    this.#phase = CLOSING;
    this.receive.detach("the connection was detached");
    return await this.#needClosing().detach();
  }

  release(): void {
    if (this.isReleased) return;
    this.open();
    this.#phase = RELEASED;
    if (this.#closing?.isHolding ?? true) this.loop.unref();
    this.#closing?.stop();
  }

  #startClosing(error?: Error): Closing {
    const closing = this.#needClosing();
    if (this.isClosed) return closing;
    this.open();
    this.#rememberAddresses();
    this.#phase = CLOSING;
    if (error === undefined) this.receive.close("the connection was closed");
    else this.receive.fail(error);
    return closing;
  }

  #needLastKnown(): LastKnown {
    return this.#lastKnown ??= new LastKnown();
  }

  #needClosing(): Closing {
    return this.#closing ??= new Closing(this);
  }
}
