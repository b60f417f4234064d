// Copyright the iocp authors. MIT license.
/* The listening sockets of one listener, mostly one, and the queue of accepted
 * connections. Its public face is a Listener. */

import type { NetAddr } from "../native/address.ts";
import { AsyncQueue, type QueueReader } from "./async_queue.ts";
import {
  LOCAL,
  RESET,
  SOCKET_STATS_FIELDS,
  type SocketStats,
} from "../native/completion.ts";
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
import { Socket, type SocketSettings } from "./socket.ts";

/** With so many connections in the queue no more are accepted; the system's
 * backlog holds the rest. */
const QUEUED_MAX = 64;

/* The socket of the other family. Its connections go to the acceptor's queue. */
class Companion implements Endpoint {
  readonly id: number;
  readonly #acceptor: Acceptor;
  readonly #connSettings: SocketSettings;

  constructor(acceptor: Acceptor, id: number) {
    this.#acceptor = acceptor;
    this.id = id;
    this.#connSettings = acceptor.connSettings(id);
  }

  accepted(result: number, errno: number): void {
    this.#acceptor.accepted(result, errno, this.#connSettings);
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
  settings: ListenSettings;
  /** Accepted connections. Only a turn of the loop adds to them, so accepts that
   * succeed at once are bounded. */
  readonly #queue = new AsyncQueue<Socket>();
  readonly #connSettings: SocketSettings;
  #isPosted = false;
  #isRef = true;
  lastError: Error | undefined;

  constructor(group: Group, settings: ListenSettings) {
    const { loop } = group;
    this.loop = loop;
    this.settings = settings;
    this.#ids = listenSockets(loop, settings);
    this.id = this.#ids[0]!;
    for (const id of this.#ids) group.join(id);
    this.#connSettings = this.connSettings(this.id);
    this.address = this.#connSettings.listenerAddr!;
    this.#applySettings();
    loop.add(this);
    for (const id of this.#ids.slice(1)) {
      loop.add(new Companion(this, id));
    }
    loop.ref();
  }

  closed(): void {}

  /** It was closed, by the user or with its port. */
  get isClosed(): boolean {
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

  /** The options of the listening socket that are in force. */
  options(): ListenOptionsInForce {
    if (this.isClosed) throw this.closedError("getsockopt");
    return readOptions("listen", this.settings, (native) => {
      const value = this.loop.port.getOption(this.id, native);
      return value < 0 ? undefined : value;
    });
  }

  /** Changes options, one after the other. */
  changeOptions(changes: Partial<ListenSettings>): void {
    if (this.isClosed) throw this.closedError("setsockopt");
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

  /** The library's counters; connections in the queue count as ready. */
  stats(): SocketStats {
    if (this.isClosed) throw this.closedError("ioctl");
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

  /* Sets an option of all sockets. */
  #setOption(key: string, native: number, value: number): void {
    for (const id of this.#ids) {
      const result = this.loop.port.setOption(id, native, value);
      if (result >= 0) continue;
      const error = this.#error(result, "setsockopt");
      throw error.code === "ENOTSUP" ? notSupported(key, error) : error;
    }
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
    if (this.isClosed || isRef === this.#isRef) return;
    this.#isRef = isRef;
    if (isRef) this.loop.ref();
    else this.loop.unref();
  }

  close(): void {
    if (this.isClosed) return;
    this.#closeSockets();
    this.portClosed();
  }

  /** It is closed, by the user or with its port. */
  portClosed(): void {
    if (this.isClosed) return;
    if (this.#isRef) this.loop.unref();
    for (const socket of this.#queue.clear()) socket.reset();
    this.#queue.close();
  }

  /** The settings of the connections that a listening socket accepts. */
  connSettings(id: number): SocketSettings {
    const listenerAddr = this.loop.port.address(id, LOCAL);
    return { ...this.settings.conn, listenerAddr };
  }

  /** `settings` are those of the listening socket. */
  accepted(
    result: number,
    errno: number,
    settings: SocketSettings = this.#connSettings,
  ): void {
    if (result < 0) {
      const { hostname: address, port } = this.address;
      const options = { syscall: "accept", address, port, errno };
      this.lastError = errorOf(result, options);
      return;
    }
    this.lastError = undefined;
    const { firstByteTimeout } = this.settings;
    const origin = firstByteTimeout > 0 ? "watched" : "accepted";
    const socket = new Socket(this.loop, result, settings, origin);
    if (this.isClosed) {
      socket.reset();
      return;
    }
    if (this.#queue.push(socket)) socket.open();
    else if (this.#queue.length >= QUEUED_MAX) this.#setPosted(false);
  }

  /* Accepting starts with the first call of accept(). After a full queue it goes
   * on when half of it is left. */
  #post(): void {
    if (this.#isPosted || this.isClosed) return;
    if (this.#queue.length <= QUEUED_MAX / 2) this.#setPosted(true);
  }

  #setPosted(isPosted: boolean): void {
    this.#isPosted = isPosted;
    const count = isPosted ? this.settings.acceptPool : 0;
    for (const id of this.#ids) this.loop.port.accept(id, count);
  }
}
