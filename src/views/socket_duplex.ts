// Copyright the iocp authors. MIT license.
/* The public type of a duplex: Node's own Duplex where the compiler knows it, with
 * the members of a net.Socket that libraries use. */

/** @ts-ignore: Without Node's types it is any, which is replaced below. */
import type { Duplex } from "node:stream";

/** The members of a `net.Socket` that a {@linkcode SocketDuplex} has. */
export interface SocketMembers {
  /** The address of the peer, also after the close; undefined over a local
   * socket, as all of its addresses. */
  readonly remoteAddress: string | undefined;
  /** The port of the peer. */
  readonly remotePort: number | undefined;
  /** `"IPv4"` or `"IPv6"`. */
  readonly remoteFamily: string | undefined;
  /** The address of this end, also after the close. */
  readonly localAddress: string | undefined;
  /** The port of this end. */
  readonly localPort: number | undefined;
  /** `"IPv4"` or `"IPv6"`. */
  readonly localFamily: string | undefined;
  /** The number of bytes to send; undefined once it is destroyed. */
  readonly bufferSize: number | undefined;
  /** The number of bytes received. */
  readonly bytesRead: number;
  /** The number of bytes written, including those that are not sent yet. */
  readonly bytesWritten: number;
  /** Always false: the connection exists already. */
  readonly connecting: boolean;
  /** True once it is destroyed. */
  readonly pending: boolean;
  /** `"open"`, `"readOnly"`, `"writeOnly"` or `"closed"`. */
  readonly readyState: string;
  /** The argument of `setTimeout()`. */
  readonly timeout: number | undefined;
  /** The address of this end; without members over a local socket. */
  address(): {
    address?: string | undefined;
    family?: string | undefined;
    port?: number | undefined;
  };
  /**
   * Emits `"timeout"` after `ms` milliseconds without activity. The connection stays
   * open. 0 removes the timeout; the longest is 2,147,483,647.
   *
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, or
   * {RangeError} `ERR_OUT_OF_RANGE`.
   */
  setTimeout(ms: number, callback?: () => void): this;
  /** As {@linkcode Conn.setNoDelay}, but a closed connection ignores it. */
  setNoDelay(noDelay?: boolean): this;
  /**
   * As {@linkcode Conn.setKeepAlive}, but a closed connection ignores it.
   * `initialDelay` is the idle time before the first probe, in milliseconds.
   */
  setKeepAlive(enable?: boolean, initialDelay?: number): this;
  /** Makes pending reads and writes keep the process alive, which is the default. */
  ref(): this;
  /** Lets the process end while reads and writes are pending. */
  unref(): this;
  /** Ends the sending direction, and destroys when everything is sent. Bytes that
   * the peer still sends are discarded, so that it can read to the end. */
  destroySoon(): void;
  /** Resets the connection and destroys the duplex. */
  resetAndDestroy(): this;
}

/** The members of Node's `Duplex` that a {@linkcode SocketDuplex} has where the
 * compiler does not know Node's types. At run time it has all of them. */
export interface PlainDuplex {
  /** True once it is destroyed. */
  readonly destroyed: boolean;
  /** True while it can be written to. */
  readonly writable: boolean;
  /** The number of bytes to send. */
  readonly writableLength: number;
  /** Adds a listener of an event, for example `"data"` or `"close"`. */
  // deno-lint-ignore no-explicit-any
  on(event: string, listener: (...values: any[]) => void): this;
  /** Adds a listener of the next event of that name. */
  // deno-lint-ignore no-explicit-any
  once(event: string, listener: (...values: any[]) => void): this;
  /** Removes a listener. */
  // deno-lint-ignore no-explicit-any
  off(event: string, listener: (...values: any[]) => void): this;
  /** Writes; false is a request to wait for `"drain"`. */
  write(chunk: Uint8Array | string): boolean;
  /** Ends the sending direction. */
  end(chunk?: Uint8Array | string): this;
  /** Returns the received bytes, if there are any. */
  read(size?: number): Uint8Array | null;
  /** Stops emitting `"data"`. */
  pause(): this;
  /** Starts emitting `"data"` again. */
  resume(): this;
  /** Closes the connection, or resets it: {@linkcode Conn.duplex} says when. */
  destroy(error?: Error): this;
  /** Iterates over the chunks. */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array>;
}

/**
 * A connection as Node's `stream.Duplex`, with the members of a `net.Socket`
 * that libraries use. It comes from {@linkcode Conn.duplex}.
 */
export type SocketDuplex =
  & SocketMembers
  & (0 extends 1 & Duplex ? PlainDuplex : Duplex);
