// Copyright the iocp authors. MIT license.
/* The public types of iocp/http: those of Node where the compiler knows them. */

/** @ts-ignore: Without Node's types it is any, which is replaced below. */
import type * as nodeHttp from "node:http";
/** @ts-ignore: Without Node's types it is any, which is replaced below. */
import type * as nodeHttps from "node:https";
/** @ts-ignore: Without Node's types it is any, which is replaced below. */
import type * as nodeTls from "node:tls";
import type { NetModule, PlainSocket } from "../net/public_types.ts";

/** An agent, for a compiler that does not know Node's types. */
export interface PlainAgent {
  /** Closes the connections that no request uses. */
  destroy(): void;
}
/** The class of agents, for a compiler that does not know Node's types. */
export interface PlainAgents {
  /** The class. */
  Agent: new (options?: object) => PlainAgent;
}
/** A socket with TLS, for a compiler that does not know Node's types. */
export interface PlainTlsSocket extends PlainSocket {
  /** Whether the certificate of the server is trusted. */
  readonly authorized: boolean;
  /** The protocol that both ends have agreed on. */
  readonly alpnProtocol: string | false | null;
}
/** The part of `node:tls` that is used here, for a compiler that does not know Node's
 * types. */
export interface PlainTls {
  /** Makes a socket, and connects it. */
  connect(...args: readonly unknown[]): PlainTlsSocket;
}

/** `http.Agent`. */
export type HttpAgents = 0 extends 1 & typeof nodeHttp ? PlainAgents
  : typeof nodeHttp;
/** `https.Agent`. */
export type HttpsAgents = 0 extends 1 & typeof nodeHttps ? PlainAgents
  : typeof nodeHttps;
/** `tls.connect`. */
export type TlsModule = 0 extends 1 & typeof nodeTls ? PlainTls
  : typeof nodeTls;

/** Options of {@linkcode undiciConnect}, besides those of `tls.connect()` and
 * `net.connect()`. */
export interface UndiciConnectOptions {
  /** Offers HTTP/2 to servers of HTTPS. By default `false`. */
  readonly allowH2?: boolean | undefined;
  /** Uses HTTP/2 without TLS, for servers that are known to have it. By default
   * `false`. */
  readonly useH2c?: boolean | undefined;
  /** Connects to this local socket, whatever the URL is. */
  readonly socketPath?: string | null | undefined;
  /** How long connecting, with its handshake, may take, in milliseconds; 0 is no
   * limit. By default 10 seconds. */
  readonly timeout?: number | null | undefined;
  /** Sends probes over idle connections. By default `true`. */
  readonly keepAlive?: boolean | null | undefined;
  /** The idle time before the first probe, in milliseconds. By default 60 seconds. */
  readonly keepAliveInitialDelay?: number | null | undefined;
  /** Options of `tls.connect()` and `net.connect()`. */
  readonly [name: string]: unknown;
}

/** Where undici connects to. */
export interface UndiciTarget {
  /** `"http:"` or `"https:"`. */
  readonly protocol: string;
  /** The name or address. */
  readonly hostname: string;
  /** The port. */
  readonly port: string;
  /** The name with the port. */
  readonly host?: string;
  /** The name for the certificate. */
  readonly servername?: string;
  /** The address to connect from. */
  readonly localAddress?: string | null;
  /** A connection to a proxy, to be used for TLS. */
  readonly httpSocket?: unknown;
}

/** What undici takes as its option `connect`. */
export type UndiciConnect = (
  target: UndiciTarget,
  callback: (
    ...result: [null, InstanceType<NetModule["Socket"]>] | [Error, null]
  ) => void,
) => void;
