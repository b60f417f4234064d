// Copyright the iocp authors. MIT license.
/* The listening sockets of one listener, mostly one, and the queue of accepted
 * connections. Its public face is a Listener. */

import type { NetAddr } from "../native/address.ts";
import { AsyncQueue, type QueueReader } from "./async_queue.ts";
import {
  BACKLOG,
  DEFER_ACCEPT,
  FIRST_BYTE_TIMEOUT,
  LOCAL,
  RESET,
  SEND_CONCURRENCY,
  SOCKET_STATS_FIELDS,
  type SocketStats,
} from "../native/completion.ts";
import { errorOf, NotSupported, SocketError } from "../errors.ts";
import type { Group } from "../loop/group.ts";
import type { Endpoint } from "../loop/endpoint.ts";
import type { Loop } from "../loop/loop.ts";
import { listenSockets } from "./listen_socket.ts";
import type { ListenSettings } from "../options/options.ts";
import { receiveNumbers } from "../options/receive_mode.ts";
import { Socket } from "./socket.ts";

/** With so many connections in the queue no more are accepted; the system's
 * backlog holds the rest. */
const QUEUED_MAX = 64;

/* The socket of the other family. Its connections go to the acceptor's queue. */
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

/** One listening socket, or one for each address family. */
export class Acceptor implements Endpoint {
  readonly loop: Loop;
  /** The socket whose address users see; the others have the same port. */
  readonly id: number;
  readonly #ids: readonly number[];
  readonly address: NetAddr;
  readonly settings: ListenSettings;
  #acceptPool: number;
  /** Accepted connections. Only a turn of the loop adds to them, so accepts that
   * succeed at once are bounded. */
  readonly #queue = new AsyncQueue<Socket>();
  #isPosted = false;
  #isRef = true;
  lastError: Error | undefined;

  constructor(group: Group, settings: ListenSettings) {
    const { loop } = group;
    this.loop = loop;
    this.settings = settings;
    this.#acceptPool = settings.acceptPool;
    this.#ids = listenSockets(loop, settings);
    this.id = this.#ids[0]!;
    for (const id of this.#ids) group.join(id);
    this.address = loop.port.address(this.id, LOCAL);
    this.#applySettings();
    loop.add(this);
    for (const id of this.#ids.slice(1)) {
      loop.add(new Companion(this, id));
    }
    loop.ref();
  }

  closed(): void {}

  get #isClosed(): boolean {
    return this.#queue.isClosed;
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

  /** Withdraws a pending accept(). */
  cancel(reader: QueueReader<Socket>): void {
    this.#queue.cancel(reader);
  }

  get acceptPool(): number {
    return this.#acceptPool;
  }

  set acceptPool(count: number) {
    if (this.#isClosed) throw this.closedError("setsockopt");
    this.#acceptPool = count;
    if (this.#isPosted) this.#setPosted(true);
  }

  get backlog(): number {
    if (this.#isClosed) throw this.closedError("getsockopt");
    return this.loop.port.getOption(this.id, BACKLOG);
  }

  set backlog(count: number) {
    if (this.#isClosed) throw this.closedError("setsockopt");
    const result = this.#setOption(BACKLOG, count);
    if (result >= 0) return;
    const error = this.#error(result, "listen");
    if (error.code !== "ENOTSUP") throw error;
    throw new NotSupported(
      `Cannot change the backlog to ${count}: Windows never makes that of a listener smaller than it was at first`,
      { cause: error },
    );
  }

  /** The library's counters; connections in the queue count as ready. */
  stats(): SocketStats {
    if (this.#isClosed) throw this.closedError("ioctl");
    const [stats, ...others] = this.#ids.map((id) =>
      this.loop.port.socketStats(id)
    );
    for (const other of others) {
      for (const field of SOCKET_STATS_FIELDS) stats![field] += other[field];
    }
    stats!.acceptsReady += this.#queue.length;
    return stats!;
  }

  /* Accepted connections inherit these options in the library. */
  #applySettings(): void {
    const { deferAccept, firstByteTimeout, conn } = this.settings;
    const options: [option: number, value: number][] = [
      ...receiveNumbers(conn.receive),
      [SEND_CONCURRENCY, conn.sendConcurrency],
    ];
    if (firstByteTimeout > 0) {
      options.push([FIRST_BYTE_TIMEOUT, firstByteTimeout]);
    }
    if (deferAccept) options.push([DEFER_ACCEPT, 1]);
    for (const [option, value] of options) {
      const result = this.#setOption(option, value);
      if (result < 0) {
        const error = this.#error(result, "setsockopt");
        this.#closeSockets();
        throw error;
      }
    }
  }

  /* Sets the option of all sockets; returns the first failure, or the last
   * result. */
  #setOption(option: number, value: number): number {
    let result = 0;
    for (const id of this.#ids) {
      result = this.loop.port.setOption(id, option, value);
      if (result < 0) break;
    }
    return result;
  }

  #closeSockets(): void {
    for (const id of this.#ids) this.loop.port.close(id, RESET, 0);
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
    if (this.#isRef) this.loop.unref();
    for (const socket of this.#queue.clear()) socket.reset();
    this.#queue.close();
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
    const socket = new Socket(this.loop, result, settings, origin);
    if (this.#isClosed) {
      socket.reset();
      return;
    }
    if (this.#queue.push(socket)) socket.open();
    else if (this.#queue.length >= QUEUED_MAX) this.#setPosted(false);
  }

  /* Accepting starts with the first call of accept(). After a full queue it goes
   * on when half of it is left. */
  #post(): void {
    if (this.#isPosted || this.#isClosed) return;
    if (this.#queue.length <= QUEUED_MAX / 2) this.#setPosted(true);
  }

  #setPosted(isPosted: boolean): void {
    this.#isPosted = isPosted;
    const count = isPosted ? this.#acceptPool : 0;
    for (const id of this.#ids) this.loop.port.accept(id, count);
  }
}
