// Copyright the iocp authors. MIT license.
import { optionalSignal } from "./signal.ts";
import {
  ACCEPT_MAX,
  BACKLOG_MAX,
  CONCURRENCY_MAX,
} from "../native/completion.ts";
import {
  type KeepAliveOptions,
  type KeepAliveSettings,
  keepAliveSettings,
} from "./keep_alive.ts";
import {
  type ReceiveOptions,
  type ReceiveSettings,
  receiveSettings,
} from "./receive_mode.ts";
import {
  optionalAlias,
  optionalBoolean,
  optionalInteger,
  requireHostname,
  requireInteger,
  requireOptions,
  requirePort,
  requireTransport,
} from "./validate.ts";
import type { Signal } from "../runtime/web_types.ts";

/** Options that every connection has, made or accepted. */
export interface ConnOptions {
  /**
   * Keeps the connection open when a `for await` loop over it comes to the
   * peer's end, so that an answer can still be written. Otherwise the end of
   * the loop closes the connection.
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
   * Has the system probe an idle peer (`SO_KEEPALIVE`), at its own times or at
   * those given.
   *
   * @default {false}
   */
  keepAlive?: boolean | KeepAliveOptions | undefined;
  /**
   * How long, in milliseconds from 0 to 2,147,483,647, `close()` waits for a
   * peer that takes nothing of what was written, before it resets the
   * connection. It looks four times in that time, so it may wait a quarter of it
   * longer. A peer that takes something, however slowly, gets everything, as far
   * as the system says what is acknowledged: Windows before version 1703 of
   * Windows 10, and Wine, do not, and there a peer has to take 256 KiB in that
   * time.
   *
   * @default {30_000}
   */
  closeTimeout?: number | undefined;
  /**
   * How it receives.
   *
   * @default {{ mode: "auto" }}
   */
  receive?: ReceiveOptions | undefined;
  /**
   * Sends that may be in flight at once, from 1 to 64, each of up to 256 KiB
   * that the library keeps until the system has taken it: overlapped sends on
   * Windows. More of them keep a fast, long line full; they leave in order.
   *
   * @default {1}
   */
  sendConcurrency?: number | undefined;
}

/** Options of {@linkcode listen}; those of the connections are inherited. */
export interface ListenOptions extends ConnOptions {
  /**
   * 0 to 65535; 0 lets the system choose. It may be the text of a number, as in
   * an environment variable.
   *
   * @default {0}
   */
  port?: number | string | undefined;
  /**
   * An IP address or host name of this machine. `"::"` takes IPv4 as well, and
   * `"localhost"` is both 127.0.0.1 and ::1, at the same port. Of another name's
   * addresses the first is taken. The zone of an IPv6 address may be the number
   * or the name of a network interface.
   *
   * @default {"0.0.0.0"}
   */
  hostname?: string | undefined;
  /**
   * Connections that the system holds before they are accepted, from 1 to
   * 65535; the system may allow fewer.
   *
   * @default {511}
   */
  backlog?: number | undefined;
  /**
   * Accepts that are kept posted, from 1 to 1,024: the AcceptEx pool of Windows.
   * On Linux, where a turn accepts all that have come, it has no use.
   *
   * @default {32}
   */
  acceptPool?: number | undefined;
  /**
   * Tells of a connection only when its peer has said something: AcceptEx with
   * data on Windows, `TCP_DEFER_ACCEPT` on Linux. For protocols in which the
   * client speaks first, such as HTTP.
   *
   * @default {false}
   */
  deferAccept?: boolean | undefined;
  /**
   * How long, in milliseconds from 0 to 2,147,483,647, a peer may say nothing
   * after it has connected. Then its connection is reset; one that was accepted
   * fails with `ETIMEDOUT`. It takes up to half as long again to notice. 0 sets
   * no limit.
   *
   * @default {0}, and `120_000` with `deferAccept`
   */
  firstByteTimeout?: number | undefined;
  /** Another name of `backlog`, as in `Deno.listen`. */
  tcpBacklog?: number | undefined;
  /**
   * Only `"tcp"`; another transport throws {@linkcode NotSupported}.
   *
   * @default {"tcp"}
   */
  transport?: "tcp" | undefined;
  /**
   * Has an IPv6 listener take no IPv4 connections (`IPV6_V6ONLY`).
   *
   * @default {false}
   */
  ipv6Only?: boolean | undefined;
  /**
   * Shares the address with other listeners of the same user that say so too
   * (`SO_REUSEPORT`). Windows has no such thing: {@linkcode NotSupported}.
   *
   * @default {false}
   */
  reusePort?: boolean | undefined;
}

/** Options of {@linkcode connect}. */
export interface ConnectOptions extends ConnOptions {
  /** 1 to 65535, or the text of such a number. */
  port: number | string;
  /**
   * An IP address or a host name, in Unicode or Punycode. The zone of an IPv6
   * address may be the number or the name of a network interface.
   *
   * @default {"127.0.0.1"}
   */
  hostname?: string | undefined;
  /** Gives the attempt up; its reason is thrown. */
  signal?: Signal | undefined;
  /**
   * How long the attempt may take, names included, in milliseconds from 1 to
   * 2,147,483,647. Without it the system decides.
   */
  timeout?: number | undefined;
  /** The IP address of this machine to connect from. */
  localAddress?: string | undefined;
  /**
   * Only `"tcp"`; another transport throws {@linkcode NotSupported}.
   *
   * @default {"tcp"}
   */
  transport?: "tcp" | undefined;
  /**
   * Has the addresses of a name race each other (RFC 8305). With false only
   * the first of them is tried.
   *
   * @default {true}
   */
  autoSelectFamily?: boolean | undefined;
  /**
   * How long one address is tried alone before the next one joins the race, in
   * milliseconds from 0 to 2,147,483,647. RFC 8305 asks for at least 10.
   *
   * @default {250}
   */
  autoSelectFamilyAttemptDelay?: number | undefined;
  /** Another name of `autoSelectFamilyAttemptDelay`, as in `node:net`. */
  autoSelectFamilyAttemptTimeout?: number | undefined;
}

/** {@linkcode ConnOptions}, checked, with nothing left out. */
export interface ConnSettings {
  readonly allowHalfOpen: boolean;
  readonly noDelay: boolean;
  readonly keepAlive: KeepAliveSettings;
  readonly closeTimeout: number;
  readonly receive: ReceiveSettings;
  readonly sendConcurrency: number;
}

/** Options of the calls that block: `acceptSync()` and its like. */
export interface SyncOptions {
  /**
   * How long the call may block, in milliseconds from 0 to 2,147,483,647; then
   * it throws `ETIMEDOUT`. 0 looks once and does not block. Without it the call
   * blocks until it is done.
   */
  timeout?: number | undefined;
}

/** Checks what a user passed to a call that blocks; Infinity is no limit. */
export function syncTimeout(options: SyncOptions | undefined): number {
  if (options === undefined) return Infinity;
  requireOptions(options);
  const { timeout } = options;
  return timeout === undefined
    ? Infinity
    : optionalInteger("timeout", timeout, 0, TIMEOUT_MAX, 0);
}

const TIMEOUT_MAX = 2 ** 31 - 1;
const CLOSE_TIMEOUT = 30_000;
const BACKLOG = 511;
const ACCEPT_POOL = 32;
/** The time that the watchdog of iocpsock 0.3 gave. */
const DEFERRED_TIMEOUT = 120_000;
/** "Connection Attempt Delay", RFC 8305 section 5. */
const ATTEMPT_DELAY_MS = 250;

/** Checks what a user passed to whatever makes a connection. */
export function connSettings(options: ConnOptions): ConnSettings {
  return {
    allowHalfOpen: optionalBoolean(
      "allowHalfOpen",
      options.allowHalfOpen,
      false,
    ),
    noDelay: optionalBoolean("noDelay", options.noDelay, true),
    keepAlive: keepAliveSettings(options.keepAlive, false),
    closeTimeout: optionalInteger(
      "closeTimeout",
      options.closeTimeout,
      0,
      TIMEOUT_MAX,
      CLOSE_TIMEOUT,
    ),
    receive: receiveSettings(options.receive),
    sendConcurrency: requireConcurrency(options.sendConcurrency),
  };
}

/** Checks a number of sends in flight. */
export function requireConcurrency(value: number | undefined): number {
  return optionalInteger("sendConcurrency", value, 1, CONCURRENCY_MAX, 1);
}

/** {@linkcode ListenOptions}, checked, with nothing left out. */
export interface ListenSettings {
  readonly port: number;
  readonly hostname: string;
  readonly backlog: number;
  readonly acceptPool: number;
  readonly deferAccept: boolean;
  readonly firstByteTimeout: number;
  readonly ipv6Only: boolean;
  readonly reusePort: boolean;
  readonly conn: ConnSettings;
}

/** Checks what a user passed to listen(). */
export function listenSettings(options: ListenOptions): ListenSettings {
  requireOptions(options);
  requireTransport("listen", options.transport);
  const deferAccept = optionalBoolean(
    "deferAccept",
    options.deferAccept,
    false,
  );
  return {
    port: options.port === undefined ? 0 : requirePort(options.port, 0),
    hostname: requireHostname("hostname", options.hostname ?? "0.0.0.0"),
    backlog: optionalAlias(
      ["backlog", "tcpBacklog"],
      [options.backlog, options.tcpBacklog],
      1,
      BACKLOG_MAX,
      BACKLOG,
    ),
    acceptPool: requireAcceptPool(
      options.acceptPool === undefined ? ACCEPT_POOL : options.acceptPool,
    ),
    deferAccept,
    firstByteTimeout: optionalInteger(
      "firstByteTimeout",
      options.firstByteTimeout,
      0,
      TIMEOUT_MAX,
      deferAccept ? DEFERRED_TIMEOUT : 0,
    ),
    ipv6Only: optionalBoolean("ipv6Only", options.ipv6Only, false),
    reusePort: optionalBoolean("reusePort", options.reusePort, false),
    conn: connSettings(options),
  };
}

/** Checks a number of accepts to keep posted. */
export function requireAcceptPool(value: number): number {
  return requireInteger("acceptPool", value, 1, ACCEPT_MAX);
}

/** Checks a number of connections to hold. */
export function requireBacklog(value: number): number {
  return requireInteger("backlog", value, 1, BACKLOG_MAX);
}

/** {@linkcode ConnectOptions}, checked. */
export interface ConnectSettings {
  readonly port: number;
  readonly hostname: string;
  readonly signal: Signal | undefined;
  readonly timeout: number | undefined;
  readonly localAddress: string | undefined;
  /** Milliseconds, or undefined when only one address is to be tried. */
  readonly attemptDelay: number | undefined;
  readonly conn: ConnSettings;
}

function attemptDelay(options: ConnectOptions): number | undefined {
  const delay = optionalAlias(
    ["autoSelectFamilyAttemptDelay", "autoSelectFamilyAttemptTimeout"],
    [
      options.autoSelectFamilyAttemptDelay,
      options.autoSelectFamilyAttemptTimeout,
    ],
    0,
    TIMEOUT_MAX,
    ATTEMPT_DELAY_MS,
  );
  const { autoSelectFamily } = options;
  return optionalBoolean("autoSelectFamily", autoSelectFamily, true)
    ? delay
    : undefined;
}

/** Checks what a user passed to connect(). */
export function connectSettings(options: ConnectOptions): ConnectSettings {
  requireOptions(options);
  requireTransport("connect", options.transport);
  const { signal, timeout, localAddress } = options;
  return {
    port: requirePort(options.port, 1),
    hostname: requireHostname("hostname", options.hostname ?? "127.0.0.1"),
    signal: optionalSignal(signal),
    timeout: timeout === undefined
      ? undefined
      : optionalInteger("timeout", timeout, 1, TIMEOUT_MAX, 1),
    localAddress: localAddress === undefined
      ? undefined
      : requireHostname("localAddress", localAddress),
    attemptDelay: attemptDelay(options),
    conn: connSettings(options),
  };
}
