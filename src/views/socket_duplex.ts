// Copyright the iocp authors. MIT license.
/* What users see of a duplex: Node's own type where the compiler knows it, and
 * the members of a net.Socket that libraries use. */

/** @ts-ignore: Without Node's types it is taken for any, and replaced below. */
import type { Duplex } from "node:stream";

/** The members of a `net.Socket` that a {@linkcode SocketDuplex} has. */
export interface SocketMembers {
  /** The peer's address. It stays known after the close. */
  readonly remoteAddress: string;
  /** The peer's port. */
  readonly remotePort: number;
  /** `"IPv4"` or `"IPv6"`. */
  readonly remoteFamily: string;
  /** The address of this end. It stays known after the close. */
  readonly localAddress: string;
  /** The port of this end. */
  readonly localPort: number;
  /** `"IPv4"` or `"IPv6"`. */
  readonly localFamily: string;
  /** Bytes that wait to be sent; undefined once it is destroyed. */
  readonly bufferSize: number | undefined;
  /** Bytes that have been received. */
  readonly bytesRead: number;
  /** Bytes that have been written, those that still wait included. */
  readonly bytesWritten: number;
  /** Always false: it is connected from the start. */
  readonly connecting: boolean;
  /** True once it is destroyed. */
  readonly pending: boolean;
  /** `"open"`, `"readOnly"`, `"writeOnly"` or `"closed"`. */
  readonly readyState: string;
  /** What `setTimeout()` was given. */
  readonly timeout: number | undefined;
  /** The address of this end. */
  address(): { address: string; family: string; port: number };
  /**
   * Emits `"timeout"` after so many milliseconds without activity, at most
   * 2,147,483,647; 0 ends that. The connection stays open.
   *
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, or
   * {RangeError} `ERR_OUT_OF_RANGE`.
   */
  setTimeout(ms: number, callback?: () => void): this;
  /** As {@linkcode Conn.setNoDelay}, but a closed connection ignores it. */
  setNoDelay(noDelay?: boolean): this;
  /**
   * As {@linkcode Conn.setKeepAlive}, but a closed connection ignores it.
   * `initialDelay`, in milliseconds, is the silence before the first probe.
   */
  setKeepAlive(enable?: boolean, initialDelay?: number): this;
  /** Has a pending read or write hold the process alive, the default. */
  ref(): this;
  /** Lets the process end. */
  unref(): this;
  /** Ends the sending direction, and destroys when everything has left. What the
   * peer still sends is discarded, so that it can read to the end. */
  destroySoon(): void;
  /** Resets the connection, and destroys. */
  resetAndDestroy(): this;
}

/** What a {@linkcode SocketDuplex} has of Node's `Duplex` where the compiler
 * does not know Node's types; at run time it has all of it. */
export interface PlainDuplex {
  /** True once it is destroyed. */
  readonly destroyed: boolean;
  /** Whether it can be written to. */
  readonly writable: boolean;
  /** Bytes that wait to be sent. */
  readonly writableLength: number;
  /** Listens to an event, for example `"data"` or `"close"`. */
  // deno-lint-ignore no-explicit-any
  on(event: string, listener: (...values: any[]) => void): this;
  /** Listens to the next event of that name. */
  // deno-lint-ignore no-explicit-any
  once(event: string, listener: (...values: any[]) => void): this;
  /** Listens no more. */
  // deno-lint-ignore no-explicit-any
  off(event: string, listener: (...values: any[]) => void): this;
  /** Writes; false asks to wait for `"drain"`. */
  write(chunk: Uint8Array | string): boolean;
  /** Ends the sending direction. */
  end(chunk?: Uint8Array | string): this;
  /** Takes what has come, if anything. */
  read(size?: number): Uint8Array | null;
  /** Emits no `"data"` for a while. */
  pause(): this;
  /** Emits `"data"` again. */
  resume(): this;
  /** Closes the connection, or resets it: {@linkcode Conn.duplex} says when. */
  destroy(error?: Error): this;
  /** The chunks as they come. */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array>;
}

/**
 * A connection as Node's `stream.Duplex`, with the members of a `net.Socket`
 * that libraries use. It comes from {@linkcode Conn.duplex}.
 */
export type SocketDuplex =
  & SocketMembers
  & (0 extends 1 & Duplex ? PlainDuplex : Duplex);
