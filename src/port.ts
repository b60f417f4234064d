// Copyright the iocp authors. MIT license.
import { Acceptor } from "./acceptor.ts";
import type { Conn } from "./conn.ts";
import { makeConnection } from "./connector.ts";
import { SocketError } from "./errors.ts";
import { Listener } from "./listener.ts";
import { Loop } from "./loop.ts";
import {
  type ConnectOptions,
  connectSettings,
  type ListenOptions,
  listenSettings,
} from "./options.ts";
import { runtime } from "./runtime.ts";

/** Counters of a {@linkcode CompletionPort}. */
export interface PortStats {
  /** Sockets that are not closed yet, listeners included. */
  sockets: number;
  /** Operations in the kernel's hands (Windows). */
  operations: number;
  /** Bytes of writes that the library holds until the system takes them. */
  bytesKept: number;
  /** Bytes of buffers that posted receives hold (Windows). */
  bytesPosted: number;
  /** Bytes received, ever. */
  bytesReceived: number;
  /** Bytes that the system has taken, ever. */
  bytesSent: number;
  /** Connections accepted, ever. */
  accepted: number;
  /** Accepts that failed and were tried again, ever. */
  acceptFailures: number;
  /** Turns of the loop, ever. */
  polls: number;
  /** Completions, ever. */
  records: number;
}

/**
 * An I/O completion port of the system (on Linux an epoll instance), with its
 * own loop in this thread.
 *
 * One a thread is enough, and `listen()` and `connect()` use one that they make
 * when first called. A port of one's own gives back all of its sockets with one
 * `close()`, and counts apart.
 *
 * @example
 * ```ts
 * import { CompletionPort } from "./mod.ts";
 *
 * using port = new CompletionPort();
 * const listener = port.listen({ hostname: "127.0.0.1", port: 0 });
 * console.log(listener.addr.port, port.stats().sockets);
 * ```
 */
export class CompletionPort {
  readonly #loop = new Loop();

  /**
   * The engine under this module and the library that was loaded:
   * `"IOCP"` or `"epoll"`.
   */
  get engine(): string {
    return runtime.target.startsWith("windows") ? "IOCP" : "epoll";
  }

  /** Where the native library was loaded from. */
  get libraryPath(): string {
    return this.#loop.libraryPath;
  }

  /** The same as {@linkcode listen}, on this port. */
  listen(options: ListenOptions): Listener {
    const settings = listenSettings(options);
    this.#requireOpen("listen");
    return new Listener(new Acceptor(this.#loop, settings));
  }

  /** The same as {@linkcode connect}, on this port. */
  async connect(options: ConnectOptions): Promise<Conn> {
    const settings = connectSettings(options);
    this.#requireOpen("connect");
    return await makeConnection(this.#loop, settings);
  }

  /**
   * Counters of the port.
   *
   * @throws {SocketError} when the port is closed.
   */
  stats(): PortStats {
    this.#requireOpen("count");
    return this.#loop.stats();
  }

  /**
   * Closes the port and everything on it, at once: loops end, and what waits is
   * rejected with `EINTR`. Connections with bytes still to send are reset,
   * so that no peer takes a part for the whole. Closing again does nothing.
   */
  close(): void {
    this.#loop.close();
  }

  /** The same as `close()`. */
  [Symbol.dispose](): void {
    this.#loop.close();
  }

  #requireOpen(syscall: string): void {
    if (!this.#loop.isClosed) return;
    throw new SocketError("EBADF", {
      syscall,
      detail: "the completion port is closed",
    });
  }
}

let shared: CompletionPort | undefined;

/** The port of this thread that `listen()` and `connect()` use. */
function sharedPort(): CompletionPort {
  return shared ??= new CompletionPort();
}

/**
 * Listens for TCP connections, like `Deno.listen`.
 *
 * @param options where to listen, and what the connections inherit.
 * @returns the listener, an async iterable of connections.
 * @throws {TypeError} or {RangeError} for a wrong option, which it names.
 * @throws {SocketError} when the system refuses: `EADDRINUSE`, `EACCES`,
 * `EADDRNOTAVAIL`, or `ENOTFOUND` for an unknown host name.
 * @throws {NotSupported} for `reusePort` on Windows.
 * @throws Under Deno, `NotCapable` without the `net` permission.
 *
 * @example
 * ```ts
 * import { listen } from "./mod.ts";
 *
 * using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * console.log(`listening on port ${listener.addr.port}`);
 * ```
 */
export function listen(options: ListenOptions): Listener {
  return sharedPort().listen(options);
}

/**
 * Makes a TCP connection, like `Deno.connect`. Of a name's several addresses
 * the first that answers is used (RFC 8305).
 *
 * @param options where to connect, and how.
 * @returns the connection.
 * @throws {TypeError} or {RangeError} for a wrong option, which it names.
 * @throws {SocketError} when it fails: `ECONNREFUSED`, `ETIMEDOUT`,
 * `ENOTFOUND` and so on.
 * @throws the reason of `signal` when that aborts.
 * @throws Under Deno, `NotCapable` without the `net` permission.
 *
 * @example
 * ```ts
 * import { connect, listen } from "./mod.ts";
 *
 * using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * await using conn = await connect({
 *   hostname: "127.0.0.1",
 *   port: listener.addr.port,
 *   timeout: 5_000,
 * });
 * console.log(conn.remoteAddr.port);
 * ```
 */
export function connect(options: ConnectOptions): Promise<Conn> {
  try {
    return sharedPort().connect(options);
  } catch (error) {
    /* The library could not be loaded. */
    return Promise.reject(error);
  }
}
