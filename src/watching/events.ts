// Copyright the iocp authors. MIT license.
/* What `onEvent` is called with. */

import type { SocketError } from "../errors.ts";
import type { Addr } from "../native/address.ts";
import type { ConnStats, TcpInfo } from "../stats.ts";

/** The connection of an event: the {@linkcode Conn} itself, as `accept()`,
 * `connect()` or `adopt()` returns it. */
export interface WatchedConn {
  /** See {@linkcode Conn.localAddr}. */
  readonly localAddr: Addr;
  /** See {@linkcode Conn.remoteAddr}. */
  readonly remoteAddr: Addr;
  /** See {@linkcode Conn.writableLength}. */
  readonly writableLength: number;
  /** See {@linkcode Conn.stats}. */
  stats(): ConnStats;
  /** See {@linkcode Conn.tcpInfo}. */
  tcpInfo(): TcpInfo;
  /** See {@linkcode Conn.close}. */
  close(): void;
  /** See {@linkcode Conn.reset}. */
  reset(): void;
}

/**
 * Why a connection was closed.
 *
 * - `"end"`: the peer had ended it before this side closed it.
 * - `"close"`: this side has closed it, or its completion port.
 * - `"abort"`: this side has reset it, or the signal of a loop has aborted.
 * - `"reset"`: the peer has reset it: `ECONNRESET`, `ECONNABORTED` or `EPIPE`.
 * - `"timeout"`: a time has passed; see {@linkcode CloseTimeout}.
 * - `"detach"`: `detach()` has taken it from its port. It is open.
 * - `"error"`: it has failed in another way.
 */
export type CloseReason =
  | "end"
  | "close"
  | "abort"
  | "reset"
  | "timeout"
  | "detach"
  | "error";

/**
 * Which time has ended a connection: an option, a call, or `"system"` for that of the
 * system (`userTimeout`, `keepAlive`, its own limit of retransmissions).
 *
 * `"setTimeout"` is that of `conn.setTimeout()`, `"timeout"` that of a loop over
 * `chunks({ timeout })`, and `"deadline"` that of `close({ deadline })`.
 */
export type CloseTimeout =
  | "setTimeout"
  | "timeout"
  | "deadline"
  | "closeTimeout"
  | "firstByteTimeout"
  | "system";

/** A connection begins: a listener has it for `accept()`, `connect()` has made it, or
 * `adopt()` has taken it. With TLS the handshake is done. */
export interface OpenedEvent<
  T extends "accepted" | "connected" | "adopted" =
    | "accepted"
    | "connected"
    | "adopted",
> {
  /** How it has begun. */
  readonly type: T;
  /** The connection. */
  readonly conn: WatchedConn;
}

/** Something has failed. */
export interface FailedEvent {
  /** The kind of the event. */
  readonly type: "error";
  /** Undefined where there is no connection: `connect()` has failed, or a listener
   * has failed to accept or to make TLS. */
  readonly conn: WatchedConn | undefined;
  /** What has failed. */
  readonly error: SocketError;
}

/** The peer receives too slowly. One event for each time until `"drained"`. */
export interface SlowEvent {
  /** The kind of the event. */
  readonly type: "slow";
  /** The connection. */
  readonly conn: WatchedConn;
  /** `"backlog"`: writes were made while others waited, and together they have reached
   * `writableHighWaterMark`. `"stalled"`: the system has taken none of what waits for
   * `slowAfter` milliseconds. */
  readonly cause: "backlog" | "stalled";
  /** The bytes that wait. */
  readonly writableLength: number;
  /** For how long writes have waited, in milliseconds. */
  readonly duration: number;
}

/** All writes of a connection that was slow were taken by the system. */
export interface DrainedEvent {
  /** The kind of the event. */
  readonly type: "drained";
  /** The connection. */
  readonly conn: WatchedConn;
  /** For how long writes have waited, in milliseconds. */
  readonly duration: number;
}

/** A connection is closed, which is its last event. Everything that was written was
 * taken by the system, or has failed. */
export interface ClosedEvent {
  /** The kind of the event. */
  readonly type: "closed";
  /** The connection. */
  readonly conn: WatchedConn;
  /** Why it was closed. */
  readonly reason: CloseReason;
  /** With the reason `"timeout"`. */
  readonly timeout: CloseTimeout | undefined;
  /** With the reasons `"reset"`, `"error"` and mostly `"timeout"`. */
  readonly error: SocketError | undefined;
  /** Bytes received, without TLS. */
  readonly bytesReceived: number;
  /** Bytes that the system has accepted, without TLS. Undefined after
   * `firstByteTimeout`, when the library has closed it before they were counted. */
  readonly bytesSent: number | undefined;
  /** For how long it was open, in milliseconds. */
  readonly duration: number;
}

/** What `onEvent` is called with; `type` tells the kinds apart. */
export type ConnEvent =
  | OpenedEvent<"accepted">
  | OpenedEvent<"connected">
  | OpenedEvent<"adopted">
  | FailedEvent
  | SlowEvent
  | DrainedEvent
  | ClosedEvent;

/** The function of `onEvent`. */
export type EventListener = (event: ConnEvent) => void;
