// Copyright the iocp authors. MIT license.
/* The options of connections. */

import type {
  KeepAliveOptions,
  KeepAliveOptionsInForce,
} from "./keep_alive.ts";
import type { ReceiveOptions, ReceiveOptionsInForce } from "./receive_mode.ts";
import type { PathAddr } from "../native/path.ts";
import type { EventListener } from "../watching/events.ts";
import { wrongType } from "./validate.ts";
import { checkOptions, checkPathOptions, type Settings } from "./settings.ts";

/** Options of every connection, whether made by `connect()` or accepted. Those of
 * TCP, which are `noDelay`, `keepAlive`, `userTimeout` and `dscp`, are
 * {@linkcode NotSupported} on a local socket. */
export interface ConnOptions {
  /**
   * Keeps the connection open when a `for await` loop over it ends at the peer's
   * end, so that an answer can still be written. Otherwise the end of the loop
   * closes the connection.
   *
   * @default {false}
   */
  allowHalfOpen?: boolean | undefined;
  /**
   * Sends small writes at once (`TCP_NODELAY`). With false the system may hold
   * a small write back until the peer has acknowledged the one before (Nagle's
   * algorithm), which saves packets and can delay a message by 40 ms and more.
   *
   * @default {true}
   */
  noDelay?: boolean | undefined;
  /**
   * Lets the system probe an idle peer (`SO_KEEPALIVE`), at its own times or at
   * those given.
   *
   * @default {false}
   */
  keepAlive?: boolean | KeepAliveOptions | undefined;
  /**
   * How long, in milliseconds from 1 to 2,147,483,647, data may stay
   * unacknowledged by the peer before the system ends the connection with
   * `ETIMEDOUT`: `TCP_USER_TIMEOUT` on Linux, and `TCP_MAXRT` on Windows, which
   * counts whole seconds, rounded up. A Windows without that, and Wine, throw
   * {@linkcode NotSupported}.
   *
   * @default the system decides
   */
  userTimeout?: number | undefined;
  /**
   * The differentiated services code point (RFC 2474) of the packets that are
   * sent, from 0 to 63: the upper six bits of `IP_TOS` and `IPV6_TCLASS`. Windows
   * ignores it, so there it throws {@linkcode NotSupported}.
   *
   * @default {0}
   */
  dscp?: number | undefined;
  /**
   * How long, in milliseconds from 0 to 2,147,483,647, `close()` waits for a
   * peer that acknowledges none of the bytes that were written, before it
   * resets the connection. It checks four times in that time, so it may wait a
   * quarter longer. A peer that acknowledges at least 64 bytes in each such
   * time gets all of them. Windows before version 1703 of Windows 10, and Wine,
   * do not report what is acknowledged; there a peer has to accept 256 KiB in
   * that time.
   *
   * @default {30_000}
   */
  closeTimeout?: number | undefined;
  /**
   * From how many bytes on, that the system has not accepted yet,
   * {@linkcode Conn.writableNeedDrain} is true; from 1 to 1,073,741,824. It limits
   * nothing by itself.
   *
   * @default {65_536}
   */
  writableHighWaterMark?: number | undefined;
  /**
   * Is called with what happens to the connection, and to those that a listener
   * accepts: it begins, fails, its peer is slow, it is closed. See
   * [watching](../docs/watching.md).
   *
   * It is called in the order of the events, right after the call or the turn of the
   * loop in which they happen, and may itself call anything. What it throws is an
   * uncaught error, and has no effect on the connection.
   */
  onEvent?: EventListener | undefined;
  /**
   * After how many milliseconds, from 1 to 2,147,483,647, in which the system takes
   * none of the bytes that wait to be sent, `onEvent` reports that the peer is slow.
   * Without `onEvent` it has no effect.
   *
   * @default {5_000}
   */
  slowAfter?: number | undefined;
  /**
   * How the connection receives.
   *
   * @default {{ mode: "auto" }}
   */
  receive?: ReceiveOptions | undefined;
  /**
   * Sends that may be in flight at once, from 1 to 64, each of up to 256 KiB
   * that the library holds until the system has accepted it: overlapped sends
   * on Windows. Raise it for links with a large bandwidth-delay product. They
   * are sent in order.
   *
   * @default {1}
   */
  sendConcurrency?: number | undefined;
}

/**
 * The options of a connection as they are in force. One that a local socket does
 * not have, or whose value the system cannot report, is undefined.
 */
export interface ConnOptionsInForce {
  /** See {@linkcode ConnOptions.allowHalfOpen}. */
  allowHalfOpen: boolean;
  /** See {@linkcode ConnOptions.noDelay}. */
  noDelay: boolean | undefined;
  /** In seconds; see {@linkcode KeepAliveOptions}. */
  keepAlive: false | KeepAliveOptionsInForce | undefined;
  /**
   * In milliseconds, as the system has it; undefined when it was not set and the
   * system does not return its own choice. See {@linkcode ConnOptions.userTimeout}.
   */
  userTimeout: number | undefined;
  /** See {@linkcode ConnOptions.dscp}. */
  dscp: number | undefined;
  /** In milliseconds; see {@linkcode ConnOptions.closeTimeout}. */
  closeTimeout: number;
  /** In bytes; see {@linkcode ConnOptions.writableHighWaterMark}. */
  writableHighWaterMark: number;
  /** In milliseconds; see {@linkcode ConnOptions.slowAfter}. */
  slowAfter: number;
  /** See {@linkcode ReceiveOptions}. */
  receive: ReceiveOptionsInForce;
  /** See {@linkcode ConnOptions.sendConcurrency}. */
  sendConcurrency: number;
}

/** {@linkcode ConnOptions}, checked, with the defaults filled in. */
export interface ConnSettings extends Settings<"conn"> {
  /** Of a local socket; undefined for TCP. */
  readonly transport?: PathAddr["transport"] | undefined;
  /** See {@linkcode ConnOptions.onEvent}. */
  readonly onEvent?: EventListener;
}

/** Checks the `onEvent` that a user passed. */
export function optionalListener(value: unknown): EventListener | undefined {
  if (value !== undefined && typeof value !== "function") {
    wrongType("onEvent", "a function", value);
  }
  return value as EventListener | undefined;
}

/* Connections with default options share one object for each transport. */
const DEFAULTS = new Map<ConnSettings["transport"], ConnSettings>();

function check(
  options: ConnOptions,
  transport: ConnSettings["transport"],
): ConnSettings {
  return transport === undefined
    ? checkOptions("conn", options)
    : { ...checkPathOptions("conn", options), transport };
}

/** Checks what a user passed for a connection. */
export function connSettings(
  options: ConnOptions,
  transport?: PathAddr["transport"],
): ConnSettings {
  const onEvent = optionalListener(options.onEvent);
  const settings = check(options, transport);
  if (onEvent !== undefined) return { ...settings, onEvent };
  let defaults = DEFAULTS.get(transport);
  if (defaults === undefined) {
    defaults = check({}, transport);
    DEFAULTS.set(transport, defaults);
  }
  const keys = Object.keys(defaults) as (keyof ConnSettings)[];
  const isDefault = keys.every((key) => settings[key] === defaults[key]);
  return isDefault ? defaults : settings;
}
