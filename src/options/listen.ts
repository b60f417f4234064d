// Copyright the iocp authors. MIT license.
/* The options of listeners. */

import { type AddressFilter, optionalFilter } from "./address_filter.ts";
import {
  type ConnOptions,
  type ConnOptionsInForce,
  type ConnSettings,
  connSettings,
} from "./conn.ts";
import type { KeepAliveOptions } from "./keep_alive.ts";
import type { HandleListenSettings } from "./handle.ts";
import type { PathListenSettings } from "./path.ts";
import { checkOptions, type Settings } from "./settings.ts";
import type { TlsServerOptions } from "./tls.ts";
import {
  requireHostname,
  requireOptions,
  requirePort,
  requireTransport,
} from "./validate.ts";

/** Options of {@linkcode listen}; accepted connections inherit those of
 * connections. */
export interface ListenOptions extends ConnOptions {
  /**
   * From 0 to 65,535; 0 lets the system choose. It may be the text of a number,
   * as in an environment variable.
   *
   * @default {0}
   */
  port?: number | string | undefined;
  /**
   * An IP address or host name of this machine. `"::"` accepts IPv4 as well, and
   * `"localhost"` is both 127.0.0.1 and ::1, at the same port. If another name
   * has several addresses, the first is used. The zone of an IPv6 address may be
   * the number or the name of a network interface.
   *
   * @default {"0.0.0.0"}
   */
  hostname?: string | undefined;
  /**
   * Connections that the system holds before they are accepted, from 1 to
   * 65,535; the system may allow fewer. On Windows, making it smaller later
   * throws {@linkcode NotSupported}.
   *
   * @default {511}
   */
  backlog?: number | undefined;
  /**
   * Accepts that are posted at a time, from 1 to 1,024: the AcceptEx pool of
   * Windows. On Linux, where each turn accepts all new connections, it has no
   * effect.
   *
   * @default {32}
   */
  acceptPool?: number | undefined;
  /**
   * Delivers a connection only after its peer has sent data: AcceptEx with data
   * on Windows, `TCP_DEFER_ACCEPT` on Linux. For protocols in which the client
   * sends first, such as HTTP.
   *
   * @default {false}
   */
  deferAccept?: boolean | undefined;
  /**
   * How long, in milliseconds from 0 to 2,147,483,647, a peer may send nothing
   * after it has connected. Then its connection is reset; one that was accepted
   * fails with `ETIMEDOUT`. The reset may come up to half of that time late. 0
   * sets no limit.
   *
   * @default {0}, and `120_000` with `deferAccept`
   */
  firstByteTimeout?: number | undefined;
  /**
   * Connections of the listener that may be open at once, from 0 to
   * 2,147,483,647. Further ones are accepted as others are closed; until then they
   * wait, mostly in the system's backlog. 0 sets no limit.
   *
   * @default {0}
   */
  maxConnections?: number | undefined;
  /**
   * Connections that are accepted in a second, from 0 to 1,000,000, averaged: after
   * a quiet time as many may come at once. Further ones wait, mostly in the
   * system's backlog. 0 sets no limit.
   *
   * @default {0}
   */
  acceptRate?: number | undefined;
  /**
   * Addresses whose connections are reset as soon as they are accepted: a
   * `BlockList` of `node:net`, or an object with such a `check()`.
   * `listener.stats().blocked` counts them. A local socket has no such addresses,
   * and throws {@linkcode NotSupported}.
   */
  blockList?: AddressFilter | undefined;
  /**
   * Makes TLS over the connections, before `accept()` returns them. A handshake that
   * fails is counted (`listener.stats().handshakeFailures`) and is
   * `listener.lastError`.
   */
  tls?: TlsServerOptions | undefined;
  /** Another name of `backlog`, as in `Deno.listen`. */
  tcpBacklog?: number | undefined;
  /**
   * `"tcp"`; `"unix"` and `"pipe"` need a path, see
   * {@linkcode PathListenOptions}. Another transport throws
   * {@linkcode NotSupported}.
   *
   * @default {"tcp"}
   */
  transport?: "tcp" | undefined;
  /** Listens on a local socket instead: see {@linkcode PathListenOptions}. */
  path?: undefined;
  /** Takes a socket that listens already: see {@linkcode HandleListenOptions}. */
  fd?: undefined;
  /** The same on Windows. */
  handle?: undefined;
  /** The same for one of another process. */
  ticket?: undefined;
  /** The same for a part of a listener of another thread. */
  share?: undefined;
  /**
   * Makes an IPv6 listener accept no IPv4 connections (`IPV6_V6ONLY`).
   *
   * @default {false}
   */
  ipv6Only?: boolean | undefined;
  /**
   * Shares the address with other listeners of the same user that have this
   * option too (`SO_REUSEPORT`). On Windows it throws {@linkcode NotSupported}.
   *
   * @default {false}
   */
  reusePort?: boolean | undefined;
}

/** The options of an open listener that can be changed. */
export interface ListenerChanges {
  /** See {@linkcode ListenOptions.backlog}. */
  backlog?: number | undefined;
  /** See {@linkcode ListenOptions.acceptPool}. */
  acceptPool?: number | undefined;
  /** See {@linkcode ListenOptions.maxConnections}. Connections that are open stay
   * open. */
  maxConnections?: number | undefined;
  /** See {@linkcode ListenOptions.acceptRate}. */
  acceptRate?: number | undefined;
}

/** The options of a listening socket as they are in force; undefined for those
 * that a local socket does not have. */
export interface ListenOptionsInForce {
  /** See {@linkcode ListenOptions.backlog}; undefined for that of another
   * maker. */
  backlog: number | undefined;
  /** See {@linkcode ListenOptions.acceptPool}. */
  acceptPool: number;
  /** See {@linkcode ListenOptions.deferAccept}. */
  deferAccept: boolean | undefined;
  /** In milliseconds; see {@linkcode ListenOptions.firstByteTimeout}. */
  firstByteTimeout: number;
  /** See {@linkcode ListenOptions.maxConnections}. */
  maxConnections: number;
  /** See {@linkcode ListenOptions.acceptRate}. */
  acceptRate: number;
  /** See {@linkcode ListenOptions.ipv6Only}. */
  ipv6Only: boolean | undefined;
  /** See {@linkcode ListenOptions.reusePort}. */
  reusePort: boolean | undefined;
}

/** The options of a listener as they are in force; those of connections are what
 * its connections start with. */
export interface ListenerOptionsInForce
  extends ListenOptionsInForce, Omit<ConnOptionsInForce, "keepAlive"> {
  /** What was asked for; see {@linkcode ConnOptions.keepAlive}. */
  keepAlive: false | KeepAliveOptions | undefined;
}

/** {@linkcode ListenOptions}, checked, with the defaults filled in. */
export interface HostListenSettings extends Settings<"listen"> {
  readonly port: number;
  readonly hostname: string;
  readonly blockList: AddressFilter | undefined;
  readonly conn: ConnSettings;
}

/** The options of a listener that was made elsewhere, and is on a port now. */
export interface AdoptedListenSettings extends HandleListenSettings {
  readonly id: number;
  /** It is a part of a share, and has no socket of the system. */
  readonly isPart?: boolean;
}

/** The options of any listener, checked. */
export type ListenSettings =
  | HostListenSettings
  | PathListenSettings
  | AdoptedListenSettings;

/** The first-byte timeout with deferAccept: that of the watchdog of iocpsock 0.3,
 * in milliseconds. */
const DEFERRED_TIMEOUT = 120_000;

/** The first-byte timeout of checked options. */
export function deferredTimeout(
  given: { firstByteTimeout?: number | undefined },
  settings: Settings<"listen">,
): number {
  return given.firstByteTimeout === undefined && settings.deferAccept
    ? DEFERRED_TIMEOUT
    : settings.firstByteTimeout;
}

/** Checks what a user passed to listen(). */
export function listenSettings(options: ListenOptions): HostListenSettings {
  requireOptions(options);
  requireTransport("listen", options.transport);
  const settings = checkOptions("listen", options);
  return {
    ...settings,
    firstByteTimeout: deferredTimeout(options, settings),
    port: options.port === undefined ? 0 : requirePort(options.port, 0),
    hostname: requireHostname("hostname", options.hostname ?? "0.0.0.0"),
    blockList: optionalFilter("blockList", options.blockList),
    conn: connSettings(options),
  };
}
