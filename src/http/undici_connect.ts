// Copyright the iocp authors. MIT license.
/* The option `connect` of undici's Agent, Client and Pool: how it opens a connection.
 * https://undici.nodejs.org/#/docs/api/Connector */

import { connect, type NetSocket } from "../net/socket.ts";
import { connectTls, type Options } from "../net/tls_connect.ts";
import { nodeTimers } from "../runtime/globals.ts";
import { requireNumber } from "../net/arguments.ts";
import { runtimeNet } from "../net/node_parts.ts";

/** Where undici wants to connect to. */
export interface Target {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: string | number;
  /** With its port, as in a header of HTTP. */
  readonly host?: string | undefined;
  readonly servername?: string | undefined;
  readonly localAddress?: string | null | undefined;
  /** A connection to a proxy, to be used for TLS. */
  readonly httpSocket?: unknown;
}

/** Is called once. */
export type Done = (error: Error | null, socket: NetSocket | null) => void;

/* undici's defaults, in milliseconds. */
const CONNECT_MS = 10_000;
const KEEP_ALIVE_MS = 60_000;
/* TLS sessions that are kept, one for each name. */
const SESSIONS_MAX = 100;

/** Opens the connections of one undici dispatcher. */
export class UndiciConnector {
  readonly #options: Options;
  readonly #timeout: number;
  readonly #protocols: readonly string[];
  readonly #usesH2c: boolean;
  readonly #sessions = new Map<string, unknown>();

  constructor(given: Options = {}) {
    const { allowH2, useH2c, socketPath, timeout, ...options } = given;
    this.#timeout = (timeout ?? CONNECT_MS) as number;
    requireNumber("options.timeout", this.#timeout);
    this.#protocols = allowH2 ? ["h2", "http/1.1"] : ["http/1.1"];
    this.#usesH2c = Boolean(useH2c);
    this.#options = options;
    if (socketPath) options["path"] = socketPath;
  }

  /** Opens one. */
  connect(target: Target, done: Done): NetSocket {
    const isSecure = target.protocol === "https:";
    const socket = isSecure ? this.#secure(target) : this.#plain(target);
    const { keepAlive, keepAliveInitialDelay } = this.#options;
    if (keepAlive ?? true) {
      const delay = keepAliveInitialDelay ?? KEEP_ALIVE_MS;
      socket.setKeepAlive(true, delay as number);
    }
    this.#report(socket, isSecure ? "secureConnect" : "connect", target, done);
    return socket;
  }

  #plain({ hostname, port, localAddress }: Target): NetSocket {
    const socket = connect({
      ...this.#options,
      localAddress,
      host: hostname,
      port: port || 80,
    });
    if (this.#usesH2c) Object.assign(socket, { alpnProtocol: "h2" });
    return socket;
  }

  #secure(target: Target): NetSocket {
    const { hostname, port, localAddress, httpSocket } = target;
    const servername = target.servername || this.#options["servername"] ||
      nameOf(target.host ?? hostname);
    const key = String(servername || hostname);
    const socket = connectTls({
      session: this.#sessions.get(key),
      ...this.#options,
      servername,
      localAddress,
      ALPNProtocols: this.#protocols,
      socket: httpSocket,
      host: hostname,
      port: port || 443,
    });
    return socket.on("session", (session) => this.#keep(key, session));
  }

  #keep(key: string, session: unknown): void {
    const sessions = this.#sessions;
    sessions.delete(key);
    sessions.set(key, session);
    for (const [oldest] of sessions) {
      if (sessions.size <= SESSIONS_MAX) break;
      sessions.delete(oldest);
    }
  }

  #report(socket: NetSocket, event: string, to: Target, done: Done): void {
    let isDone = false;
    const end = (error: Error | null): void => {
      nodeTimers.clearTimeout(timer);
      if (isDone) return;
      isDone = true;
      done(error, error === null ? socket : null);
    };
    const ms = this.#timeout;
    const timer = ms === 0 ? undefined : nodeTimers.setTimeout(
      () => socket.destroy(timedOut(to, ms)),
      ms,
    );
    socket.once(event, () => end(null));
    socket.on("error", end);
  }
}

/* The name for the certificate; an address has none. */
function nameOf(host: string): string {
  const name = host.startsWith("[") ? "" : host.replace(/:\d*$/, "");
  return runtimeNet.isIP(name) === 0 ? name : "";
}

function timedOut({ hostname, port }: Target, ms: number): Error {
  const where = port ? `${hostname}:${port}` : hostname;
  const error = new Error(
    `Connect Timeout Error (attempted address: ${where}, timeout: ${ms}ms)`,
  );
  return Object.assign(error, {
    name: "ConnectTimeoutError",
    code: "UND_ERR_CONNECT_TIMEOUT",
  });
}
