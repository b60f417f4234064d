// Copyright the iocp authors. MIT license.
/* The options of connect(). */

import { type ConnOptions, type ConnSettings, connSettings } from "./conn.ts";
import { checkOptions } from "./settings.ts";
import { optionalSignal } from "./signal.ts";
import {
  requireHostname,
  requireOptions,
  requirePort,
  requireTransport,
} from "./validate.ts";
import type { TlsOptions } from "./tls.ts";
import type { Signal } from "../runtime/web_types.ts";

/** Options of {@linkcode connect}. */
export interface ConnectOptions extends ConnOptions {
  /** From 1 to 65,535, or the text of such a number. */
  port: number | string;
  /**
   * An IP address or a host name, in Unicode or Punycode. The zone of an IPv6
   * address may be the number or the name of a network interface.
   *
   * @default {"127.0.0.1"}
   */
  hostname?: string | undefined;
  /** Cancels the attempt; its reason is thrown. */
  signal?: Signal | undefined;
  /**
   * How long the attempt may take, the look-up of the name included, in
   * milliseconds from 1 to 2,147,483,647. Without it the system decides.
   */
  timeout?: number | undefined;
  /** The IP address of this machine to connect from. */
  localAddress?: string | undefined;
  /**
   * `"tcp"`; `"unix"` and `"pipe"` need a path, see
   * {@linkcode PathConnectOptions}. Another transport throws
   * {@linkcode NotSupported}.
   *
   * @default {"tcp"}
   */
  transport?: "tcp" | undefined;
  /** Connects to a local socket instead: see {@linkcode PathConnectOptions}. */
  path?: undefined;
  /**
   * Tries several addresses of a name at once (RFC 8305). With false only the
   * first of them is tried.
   *
   * @default {true}
   */
  autoSelectFamily?: boolean | undefined;
  /**
   * How long one address is tried before the next one is tried as well, in
   * milliseconds from 0 to 2,147,483,647. RFC 8305 recommends at least 10.
   *
   * @default {250}
   */
  autoSelectFamilyAttemptDelay?: number | undefined;
  /**
   * Makes TLS over the connection, before it is returned; `timeout` and `signal`
   * include the handshake. `true` is the default options.
   */
  tls?: true | TlsOptions | undefined;
  /** Another name of `autoSelectFamilyAttemptDelay`, as in `node:net`. */
  autoSelectFamilyAttemptTimeout?: number | undefined;
}

/** {@linkcode ConnectOptions}, checked. */
export interface ConnectSettings {
  readonly port: number;
  readonly hostname: string;
  readonly signal: Signal | undefined;
  readonly timeout: number | undefined;
  readonly localAddress: string | undefined;
  /** In milliseconds; undefined when only one address is to be tried. */
  readonly attemptDelay: number | undefined;
  readonly conn: ConnSettings;
}

/** Checks what a user passed to connect(). */
export function connectSettings(options: ConnectOptions): ConnectSettings {
  requireOptions(options);
  requireTransport("connect", options.transport);
  const { signal, localAddress } = options;
  const { timeout, autoSelectFamily, autoSelectFamilyAttemptDelay } =
    checkOptions("connect", options);
  return {
    port: requirePort(options.port, 1),
    hostname: requireHostname("hostname", options.hostname ?? "127.0.0.1"),
    signal: optionalSignal(signal),
    timeout,
    localAddress: localAddress === undefined
      ? undefined
      : requireHostname("localAddress", localAddress),
    attemptDelay: autoSelectFamily ? autoSelectFamilyAttemptDelay : undefined,
    conn: connSettings(options),
  };
}
