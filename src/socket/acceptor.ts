// Copyright the iocp authors. MIT license.
/* The queue of the connections that a listener has accepted. The public class
 * is Listener. */

import { type Addr, errorAddress } from "../native/address.ts";
import { Admission, type AdmissionOwner, isLimited } from "./admission.ts";
import { AsyncQueue, type QueueReader } from "./async_queue.ts";
import type { SocketStats } from "../native/completion.ts";
import { errorOf, NotSupported, SocketError } from "../errors.ts";
import { PASS } from "../native/system_calls.ts";
import { setTimeout } from "../runtime/globals.ts";
import { passSocket } from "./passing.ts";
import { requireShareable, shareSockets } from "./sharing.ts";
import type { Group } from "../loop/group.ts";
import type { Loop } from "../loop/loop.ts";
import { type ListeningOwner, ListeningSockets } from "./listening_sockets.ts";
import type {
  ListenOptionsInForce,
  ListenSettings,
} from "../options/listen.ts";
import {
  listenerNumbers,
  notSupported,
  numbersOf,
  partNumbers,
  readOptions,
} from "../options/native_options.ts";
import type { ListenerShare } from "../options/share.ts";
import type { Securing, SecuringOwner } from "./securing.ts";
import { Socket, type SocketSettings } from "./socket.ts";
import { tellFailure, watched } from "../watching/monitor.ts";

/** With this many connections in the queue no more are accepted; the system's
 * backlog holds the rest. */
const QUEUED_MAX = 64;
/* How often stop() looks whether it is done. No record comes for it. */
const STOP_INTERVAL_MS = 5;

/** Accepts the connections of one listener. */
export class Acceptor implements ListeningOwner, AdmissionOwner, SecuringOwner {
  readonly loop: Loop;
  settings: ListenSettings;
  readonly #sockets: ListeningSockets;
  /** Accepted connections. Only a turn of the loop adds to them, so accepts that
   * succeed at once are bounded. */
  readonly #queue = new AsyncQueue<Socket>();
  /** Only a listener with limits has one. */
  #admission: Admission | undefined;
  /** Makes TLS over the connections, if there is TLS. */
  readonly #securing: Securing | undefined;
  /** Called with each connection that is accepted. */
  #onAccepted: ((socket: Socket) => void)[] | undefined;
  #isPosted = false;
  #isStopped = false;
  /** The library has closed the socket. */
  #hasEnded = false;
  /** Its connections are handed out. */
  #share: ListenerShare | undefined;
  #isRef = true;
  lastError: Error | undefined;

  constructor(
    group: Group,
    settings: ListenSettings,
    secure?: (owner: SecuringOwner) => Securing,
  ) {
    this.loop = group.loop;
    this.settings = settings;
    this.#sockets = new ListeningSockets(group, settings, this);
    this.#securing = secure?.(this);
    this.#applySettings();
    this.#applyLimits();
    this.loop.ref();
  }

  /** The address that users see. */
  get address(): Addr {
    return this.#sockets.address;
  }

  /** It was closed, by the user or with its port. */
  get isClosed(): boolean {
    return this.#queue.isClosed;
  }

  /** Its connections have TLS. */
  get isSecure(): boolean {
    return this.#securing !== undefined;
  }

  /** Handshakes of TLS that have failed. */
  get handshakeFailures(): number {
    return this.#securing?.failures ?? 0;
  }

  /** Removes the oldest connection from the queue, if there is one. */
  shift(): Socket | undefined {
    const socket = this.#queue.shift();
    socket?.open();
    this.#post();
    return socket;
  }

  /** Calls `reader` with the next connection, or with undefined when the acceptor
   * is closed. */
  accept(reader: QueueReader<Socket>): void {
    const socket = this.shift();
    if (socket !== undefined) reader(socket);
    else this.#queue.read(reader);
  }

  /** Does what microtasks do otherwise, for a blocking call. */
  settle(): void {
    this.#admission?.check();
  }

  /** Withdraws a pending accept(). */
  cancel(reader: QueueReader<Socket>): void {
    this.#queue.cancel(reader);
  }

  /** The options of the listening socket that are in force. */
  options(): ListenOptionsInForce {
    if (this.isClosed) throw this.closedError("getsockopt");
    const isLocal = this.settings.conn.transport !== undefined;
    return readOptions("listen", this.settings, isLocal, (native) => {
      const value = this.#sockets.getOption(native);
      return value < 0 ? undefined : value;
    });
  }

  /** Changes options, one after the other. */
  changeOptions(changes: Partial<ListenSettings>): void {
    if (this.isClosed) throw this.closedError("setsockopt");
    if (this.#share !== undefined) {
      requireShareable({ ...this.settings, ...changes });
    }
    for (const [key, setting] of Object.entries(changes)) {
      for (const [native, value] of numbersOf(key, setting)) {
        this.#setOption(key, native, value);
      }
      this.settings = { ...this.settings, [key]: setting };
    }
    if (changes.acceptPool !== undefined && this.#isPosted) {
      this.#setPosted(true);
    }
    this.#applyLimits();
  }

  /* Connections that are open already count too. */
  #applyLimits(): void {
    const { settings } = this;
    if (this.#admission !== undefined) this.#admission.change(settings);
    else if (isLimited(settings)) {
      this.#admission = new Admission(this, settings, this.connections());
    }
  }

  /** The connections of the listener that are open, those that accept() has not
   * returned included. */
  connections(): Socket[] {
    return this.#sockets.connections(this.loop);
  }

  /** Calls `callback` with each connection that is accepted from now on. */
  onAccepted(callback: (socket: Socket) => void): void {
    (this.#onAccepted ??= []).push(callback);
  }

  /** The library's counters; connections in the queue count as ready. */
  stats(): SocketStats {
    if (this.isClosed) throw this.closedError("ioctl");
    const stats = this.#sockets.stats();
    stats.acceptsReady += this.#queue.length + this.#waiting;
    return stats;
  }

  /* Connections that are on their way to the queue: those in a handshake, and those
   * that wait for a place or the rate. */
  get #waiting(): number {
    return (this.#admission?.length ?? 0) + (this.#securing?.pending ?? 0);
  }

  /** Connections that were reset because of their address. */
  get blocked(): number {
    return this.#admission?.blocked ?? 0;
  }

  /* Accepted connections inherit these options in the library. */
  #applySettings(): void {
    const { settings } = this;
    try {
      const numbers = this.#isPart ? partNumbers : listenerNumbers;
      for (const [key, native, value] of numbers(settings, settings.conn)) {
        this.#setOption(key, native, value);
      }
    } catch (error) {
      this.#sockets.close();
      /* It holds no ref that the close of the port would release. */
      this.#queue.close();
      throw error;
    }
  }

  #setOption(key: string, native: number, value: number): void {
    const result = this.#sockets.setOption(native, value);
    if (result >= 0) return;
    const error = this.#error(result, "setsockopt");
    if (error.code !== "ENOTSUP") throw error;
    if (!this.#isPart) throw notSupported(key, error);
    throw new NotSupported(
      `Cannot set ${key}: the listener that is shared has the socket`,
      { cause: error },
    );
  }

  /* It is a part of a listener of another thread. */
  get #isPart(): boolean {
    return "isPart" in this.settings && this.settings.isPart === true;
  }

  #error(result: number, syscall: string): SocketError {
    const options = { syscall, ...errorAddress(this.address) };
    return this.loop.port.error(result, options);
  }

  /** The error of every call after the close. */
  closedError(syscall = "accept"): SocketError {
    return new SocketError("EBADF", {
      syscall,
      detail: "the listener is closed",
    });
  }

  setRef(isRef: boolean): void {
    if (this.isClosed || isRef === this.#isRef) return;
    this.#isRef = isRef;
    if (isRef) this.loop.ref();
    else this.loop.unref();
  }

  /** Passes the socket to an inbox. Returns the ticket. */
  pass(address: Uint8Array): Uint8Array<ArrayBuffer> {
    if (this.isClosed) throw this.closedError(PASS.syscall);
    const { only } = this.#sockets;
    if (only !== undefined) return passSocket(this.loop, only, 0, address);
    throw new NotSupported(
      "Cannot pass a listener on localhost: it has two sockets; use 127.0.0.1 or ::1",
    );
  }

  /** Hands out the connections to other threads. */
  share(): ListenerShare {
    if (this.isClosed) throw this.closedError();
    if (this.#share !== undefined) return this.#share;
    if (this.#isPart) {
      throw new NotSupported(
        "Cannot share a part of a listener: pass its own share on",
      );
    }
    requireShareable({ ...this.settings, tls: this.isSecure });
    this.#share = shareSockets(this.loop, this.#sockets.ids);
    this.#setPosted(true);
    return this.#share;
  }

  /** Stops accepting. Resolves when everything that was accepted is taken out of
   * the queue, and the acceptor is closed. */
  stop(): Promise<void> {
    if (this.isClosed) return Promise.resolve();
    const result = this.#sockets.stop();
    if (result < 0) {
      const error = this.#error(result, "listen");
      /* A part whose listener was closed, which is about to be reported. */
      if (error.code === "EBADF") return this.#whenDone();
      return Promise.reject(
        error.code === "ENOTSUP"
          ? new NotSupported(
            "Cannot stop a listener: only this process accepts from a named pipe",
            { cause: error },
          )
          : error,
      );
    }
    return this.#whenDone();
  }

  #whenDone(): Promise<void> {
    this.#isStopped = true;
    return new Promise((resolve) => this.#closeWhenDone(resolve));
  }

  #closeWhenDone(done: () => void): void {
    if (!this.isClosed && !this.#isDone()) {
      setTimeout(() => this.#closeWhenDone(done), STOP_INTERVAL_MS);
      return;
    }
    this.close();
    done();
  }

  /* Nothing was accepted that is not taken. */
  #isDone(): boolean {
    const { acceptsPosted, acceptsReady, acceptsDeferred } = this.stats();
    return acceptsPosted + acceptsReady + acceptsDeferred === 0;
  }

  close(): void {
    if (!this.isClosed && !this.#hasEnded) this.#sockets.close();
    this.portClosed();
  }

  /* What is in the queue is still taken. */
  #end(): void {
    if (this.isClosed) return;
    if (this.#isRef) this.loop.unref();
    this.#queue.close();
  }

  /** The library has closed it, and there will be no more connections. Those on
   * their way to the queue still get there. */
  ended(): void {
    if (this.isClosed) return;
    this.#hasEnded = true;
    this.#isStopped = true;
    if (this.#waiting === 0) this.#end();
    else setTimeout(() => this.ended(), STOP_INTERVAL_MS);
  }

  /** It is closed, by the user or with its port. */
  portClosed(): void {
    this.#end();
    for (const socket of this.#queue.clear()) socket.reset();
    for (const socket of this.#admission?.clear() ?? []) socket.reset();
    this.#securing?.clear();
  }

  accepted(result: number, errno: number, settings: SocketSettings): void {
    if (result < 0) {
      const where = errorAddress(this.address);
      this.failed(errorOf(result, { syscall: "accept", ...where, errno }));
      return;
    }
    this.lastError = undefined;
    const { firstByteTimeout } = this.settings;
    const origin = this.#isPart
      ? "shared"
      : firstByteTimeout > 0
      ? "watched"
      : "accepted";
    const socket = new Socket(this.loop, result, settings, origin);
    if (this.isClosed) {
      socket.reset();
      return;
    }
    for (const callback of this.#onAccepted ?? []) callback(socket);
    if (this.#admission === undefined) this.admit(socket);
    else this.#admission.arrived(socket);
  }

  failed(error: Error): void {
    this.lastError = error;
    tellFailure(this.settings.conn, error);
  }

  admit(socket: Socket): void {
    if (this.#securing === undefined) this.secured(socket);
    else this.#securing.start(socket);
  }

  secured(socket: Socket): void {
    watched(socket, "accepted");
    if (this.#queue.push(socket)) socket.open();
    else if (this.#queue.length >= QUEUED_MAX) this.#setPosted(false);
  }

  pause(): void {
    if (this.#isPosted) this.#setPosted(false);
  }

  resume(): void {
    this.#post();
  }

  /* Accepting starts with the first call of accept(). After the queue was full,
   * it resumes when the queue is half empty. */
  #post(): void {
    if (this.#isPosted || this.isClosed || this.#isStopped) return;
    if (this.#admission?.isHolding) return;
    if (this.#queue.length <= QUEUED_MAX / 2) this.#setPosted(true);
  }

  #setPosted(isPosted: boolean): void {
    if (this.#isStopped) return;
    /* Connections that this side has queued are none that it hands out. */
    isPosted ||= this.#share !== undefined;
    this.#isPosted = isPosted;
    this.#sockets.accept(isPosted ? this.settings.acceptPool : 0);
  }
}
