// Copyright the iocp authors. MIT license.
import type { NetAddr } from "./address.ts";
import type { Acceptor } from "./acceptor.ts";
import { Conn } from "./conn.ts";

/**
 * Accepts TCP connections, as in Deno, and is an async iterable of them.
 *
 * Leaving a `for await` loop over it by `break` or by an error closes it, and
 * `close()` ends the loop. Connections that were accepted live on.
 *
 * @example A server
 * ```ts
 * import { connect, listen } from "./mod.ts";
 *
 * const listener = listen({ hostname: "127.0.0.1", port: 0 });
 * const client = connect(listener.addr);
 * for await (const conn of listener) {
 *   await conn.write(new TextEncoder().encode("hello"));
 *   conn.close();
 *   break;
 * }
 * for await (const chunk of await client) console.log(chunk.length);
 * ```
 */
export class Listener implements AsyncIterable<Conn> {
  readonly #acceptor: Acceptor;

  /** Listeners come from `listen()`. */
  constructor(acceptor: Acceptor) {
    this.#acceptor = acceptor;
  }

  /** The address that it listens on, with the port that the system chose. */
  get addr(): NetAddr {
    return this.#acceptor.address;
  }

  /**
   * The last failure to accept, for example `EMFILE`, until the next success.
   * Such a failure does not end the listener: it tries again by itself.
   */
  get lastError(): Error | undefined {
    return this.#acceptor.lastError;
  }

  /**
   * Waits for the next connection. Several calls are answered in order.
   *
   * @throws {SocketError} `EBADF` when the listener is closed, before or
   * meanwhile.
   */
  async accept(): Promise<Conn> {
    const conn = await this.#acceptor.accept();
    if (conn !== undefined) return conn;
    throw this.#acceptor.closedError();
  }

  /**
   * Stops listening, at once: the address is free when it returns. Loops end,
   * and connections that nobody has accepted are reset. Closing again does
   * nothing.
   */
  close(): void {
    this.#acceptor.close();
  }

  /** Has the listener hold the process alive, which is the default. */
  ref(): void {
    this.#acceptor.setRef(true);
  }

  /** Lets the process end while the listener is open. */
  unref(): void {
    this.#acceptor.setRef(false);
  }

  /** The connections as they come, until the listener is closed. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Conn, undefined> {
    return new ListenerIterator(this.#acceptor);
  }

  /** The same as `close()`. */
  [Symbol.dispose](): void {
    this.#acceptor.close();
  }

  /** The same as `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#acceptor.close();
    return Promise.resolve();
  }
}

class ListenerIterator implements AsyncIterableIterator<Conn, undefined> {
  readonly #acceptor: Acceptor;

  constructor(acceptor: Acceptor) {
    this.#acceptor = acceptor;
  }

  async next(): Promise<IteratorResult<Conn, undefined>> {
    const conn = await this.#acceptor.accept();
    return conn === undefined
      ? { value: undefined, done: true }
      : { value: conn, done: false };
  }

  return(): Promise<IteratorResult<Conn, undefined>> {
    this.#acceptor.close();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
