// Copyright the iocp authors. MIT license.
/* The listening sockets of one listener, mostly one, and the connections that
 * wait to be taken. What users see of it is a Listener. */

import type { NetAddr } from "../native/address.ts";
import { Answer, timedOut } from "../views/answer.ts";
import {
  LOCAL,
  RESET,
  SOCKET_STATS_FIELDS,
  type SocketStats,
} from "../native/completion.ts";
import { type Conn, makeConn } from "../conn.ts";
import { errorOf, SocketError } from "../errors.ts";
import type { Group } from "../loop/group.ts";
import type { Endpoint } from "../loop/endpoint.ts";
import type { Loop } from "../loop/loop.ts";
import { listenSockets } from "./listen_socket.ts";
import type {
  ListenOptionsInForce,
  ListenSettings,
} from "../options/listen.ts";
import {
  listenerNumbers,
  notSupported,
  numbersOf,
  readOptions,
} from "../options/settings.ts";
import { Socket } from "./socket.ts";

/** With so many connections waiting for the user no more are accepted; the
 * system's backlog holds the rest. */
const WAITING_MAX = 64;

/** Who waits for a connection; undefined when it is closed. */
export type Taker = (conn: Conn | undefined) => void;

/* The socket of another family. What it accepts is its listener's. */
class Companion implements Endpoint {
  readonly id: number;
  readonly #acceptor: Acceptor;

  constructor(acceptor: Acceptor, id: number) {
    this.#acceptor = acceptor;
    this.id = id;
  }

  accepted(result: number, errno: number): void {
    this.#acceptor.accepted(result, errno);
  }

  closed(): void {}

  portClosed(): void {
    this.#acceptor.portClosed();
  }
}

/** What listens at one address, or at one of each family. */
export class Acceptor implements Endpoint {
  readonly loop: Loop;
  /** The socket whose address users see; the others have the same port. */
  readonly id: number;
  readonly #sockets: readonly number[];
  readonly address: NetAddr;
  settings: ListenSettings;
  /** Accepted, and not taken yet. Accepts that succeed at once are bounded: only
   * a turn of the loop brings more of them. */
  #waiting: Socket[] = [];
  #takers: Taker[] = [];
  #isPosted = false;
  #isClosed = false;
  #isRef = true;
  lastError: Error | undefined;

  constructor(group: Group, settings: ListenSettings) {
    const { loop } = group;
    this.loop = loop;
    this.settings = settings;
    this.#sockets = listenSockets(loop, settings);
    this.id = this.#sockets[0]!;
    for (const socket of this.#sockets) group.join(socket);
    this.address = loop.port.address(this.id, LOCAL);
    this.#applySettings();
    loop.add(this);
    for (const socket of this.#sockets.slice(1)) {
      loop.add(new Companion(this, socket));
    }
    loop.ref();
  }

  closed(): void {}

  /** The next connection, or undefined once it is closed. */
  accept(): Promise<Conn | undefined> {
    return new Promise((resolve) => this.take(resolve));
  }

  /** The connection that has waited longest, if there is one. */
  takeWaiting(): Conn | undefined {
    const stream = this.#waiting.shift();
    this.#post();
    return stream && give(stream);
  }

  /** The same as `accept()` for somebody who has no use for a promise. */
  take(taker: Taker): void {
    const conn = this.takeWaiting();
    if (conn !== undefined || this.#isClosed) taker(conn);
    else this.#takers.push(taker);
  }

  /** The same, blocking the thread for at most `timeout` milliseconds; see
   * blocking.ts. */
  acceptSync(timeout: number): Conn {
    const answer = new Answer<Conn | undefined>();
    const taker: Taker = answer.resolve;
    this.take(taker);
    if (!this.loop.runUntil(() => answer.isThere, timeout)) {
      this.takeBack(taker);
      const { hostname, port } = this.address;
      throw timedOut("accept", hostname, port);
    }
    const conn = answer.take();
    if (conn === undefined) throw this.closedError();
    return conn;
  }

  /** Has a taker wait no longer; the connection is the next one's. */
  takeBack(taker: Taker): void {
    this.#takers = this.#takers.filter((one) => one !== taker);
  }

  /** The options of the listening socket that are in force. */
  options(): ListenOptionsInForce {
    if (this.#isClosed) throw this.closedError("getsockopt");
    return readOptions("listen", this.settings, (native) => {
      const value = this.loop.port.getOption(this.id, native);
      return value < 0 ? undefined : value;
    });
  }

  /** Changes options, one after the other. */
  changeOptions(changes: Partial<ListenSettings>): void {
    if (this.#isClosed) throw this.closedError("setsockopt");
    for (const [key, setting] of Object.entries(changes)) {
      for (const [native, value] of numbersOf(key, setting)) {
        this.#setOption(key, native, value);
      }
      this.settings = { ...this.settings, [key]: setting };
    }
    if (changes.acceptPool !== undefined && this.#isPosted) {
      this.#setPosted(true);
    }
  }

  /** The counters of the library, and the connections that wait here. */
  stats(): SocketStats {
    if (this.#isClosed) throw this.closedError("ioctl");
    const [stats, ...others] = this.#sockets.map((socket) =>
      this.loop.port.socketStats(socket)
    );
    for (const other of others) {
      for (const field of SOCKET_STATS_FIELDS) stats![field] += other[field];
    }
    stats!.acceptsReady += this.#waiting.length;
    return stats!;
  }

  /* The library gives its own options to each connection. */
  #applySettings(): void {
    const { settings } = this;
    try {
      for (
        const [key, native, value] of listenerNumbers(settings, settings.conn)
      ) this.#setOption(key, native, value);
    } catch (error) {
      this.#closeSockets();
      throw error;
    }
  }

  /* Of all sockets. */
  #setOption(key: string, native: number, value: number): void {
    for (const socket of this.#sockets) {
      const result = this.loop.port.setOption(socket, native, value);
      if (result >= 0) continue;
      const error = this.#error(result, "setsockopt");
      throw error.code === "ENOTSUP" ? notSupported(key, error) : error;
    }
  }

  #closeSockets(): void {
    for (const socket of this.#sockets) this.loop.port.close(socket, RESET, 0);
  }

  #error(result: number, syscall: string): SocketError {
    const { hostname: address, port } = this.address;
    return this.loop.port.error(result, { syscall, address, port });
  }

  /** The error of every call after the close. */
  closedError(syscall = "accept"): SocketError {
    return new SocketError("EBADF", {
      syscall,
      detail: "the listener is closed",
    });
  }

  setRef(isRef: boolean): void {
    if (this.#isClosed || isRef === this.#isRef) return;
    this.#isRef = isRef;
    if (isRef) this.loop.ref();
    else this.loop.unref();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#closeSockets();
    this.portClosed();
  }

  /** It is closed, by the user or with its port. */
  portClosed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#isRef) this.loop.unref();
    for (const stream of this.#waiting) stream.reset();
    this.#waiting = [];
    const takers = this.#takers;
    this.#takers = [];
    for (const take of takers) take(undefined);
  }

  accepted(result: number, errno: number): void {
    if (result < 0) {
      const { hostname: address, port } = this.address;
      const options = { syscall: "accept", address, port, errno };
      this.lastError = errorOf(result, options);
      return;
    }
    this.lastError = undefined;
    const { conn: settings, firstByteTimeout } = this.settings;
    const origin = firstByteTimeout > 0 ? "watched" : "accepted";
    const stream = new Socket(this.loop, result, settings, origin);
    if (this.#isClosed) {
      stream.reset();
      return;
    }
    const take = this.#takers.shift();
    if (take !== undefined) {
      take(give(stream));
      return;
    }
    this.#waiting.push(stream);
    if (this.#waiting.length >= WAITING_MAX) this.#setPosted(false);
  }

  /* Accepting starts with the first who asks, and goes on when enough of those
   * who wait have been taken. */
  #post(): void {
    if (this.#isPosted || this.#isClosed) return;
    if (this.#waiting.length <= WAITING_MAX / 2) this.#setPosted(true);
  }

  #setPosted(isPosted: boolean): void {
    this.#isPosted = isPosted;
    const count = isPosted ? this.settings.acceptPool : 0;
    for (const socket of this.#sockets) this.loop.port.accept(socket, count);
  }
}

/* Makes the connection the caller's. */
function give(stream: Socket): Conn {
  stream.take();
  return makeConn(stream);
}
