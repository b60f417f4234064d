// Copyright the iocp authors. MIT license.
/**
 * HTTP of the runtime over completion ports: servers of `node:http`, `node:https` and
 * `node:http2` and what is built on them, agents for clients, the `connect` of undici,
 * and `tls.connect()`.
 *
 * @example
 * ```ts
 * import { createServer, get } from "node:http";
 * import { listen } from "iocp";
 * import { httpAgent, serveHttp } from "iocp/http";
 *
 * const server = createServer((_, response) => response.end("hello"));
 * const listener = listen({ hostname: "127.0.0.1", port: 0 });
 * const { addr } = serveHttp(server, listener);
 *
 * const agent = httpAgent({ keepAlive: true });
 * get({ host: "127.0.0.1", port: addr.port, agent }, (response) => {
 *   response.on("data", (chunk) => console.log(String(chunk)));
 *   response.on("end", () => {
 *     agent.destroy();
 *     server.close();
 *   });
 * });
 * ```
 *
 * @module
 */

/* First, since it throws in runtimes in which the other modules could not
 * run. */
import "./src/runtime/detect.ts";
import "./src/loop/preload.ts";
import type {
  HttpAgents,
  HttpsAgents,
  TlsModule,
  UndiciConnect,
  UndiciConnectOptions,
} from "./src/http/client_types.ts";
import { connectTls as connectWithTls } from "./src/net/tls_connect.ts";
import { HttpAgent, HttpsAgent } from "./src/http/agents.ts";
import { type Done, UndiciConnector } from "./src/http/undici_connect.ts";

export { type HttpService, serveHttp } from "./src/http/http_service.ts";
export { type NodeServer } from "./src/http/node_server.ts";
export type {
  HttpAgents,
  HttpsAgents,
  PlainAgent,
  PlainAgents,
  PlainTls,
  PlainTlsSocket,
  TlsModule,
  UndiciConnect,
  UndiciConnectOptions,
  UndiciTarget,
} from "./src/http/client_types.ts";
export type {
  NetModule,
  PlainNet,
  PlainServer,
  PlainSocket,
} from "./src/net/public_types.ts";

/**
 * Makes an `http.Agent` whose connections are sockets of `iocp/net`. Pass it to
 * `http.request()`, or to a library as its agent for HTTP.
 *
 * @param options those of `http.Agent`, and further ones for `net.connect()`.
 *
 * @example
 * ```ts
 * import { httpAgent } from "iocp/http";
 *
 * const agent = httpAgent({ keepAlive: true, maxSockets: 10, timeout: 5_000 });
 * agent.destroy();
 * ```
 */
export function httpAgent(
  options?: ConstructorParameters<HttpAgents["Agent"]>[0],
): InstanceType<HttpAgents["Agent"]> {
  return new HttpAgent(options as never) as never;
}

/**
 * Makes an `https.Agent` whose connections are TLS over sockets of `iocp/net`. Pass it
 * to `https.request()`, or to a library as its agent for HTTPS.
 *
 * @param options those of `https.Agent`, and further ones for `tls.connect()` and
 * `net.connect()`.
 *
 * @example
 * ```ts
 * import { httpsAgent } from "iocp/http";
 *
 * const agent = httpsAgent({ keepAlive: true, minVersion: "TLSv1.3" });
 * agent.destroy();
 * ```
 */
export function httpsAgent(
  options?: ConstructorParameters<HttpsAgents["Agent"]>[0],
): InstanceType<HttpsAgents["Agent"]> {
  return new HttpsAgent(options as never) as never;
}

/**
 * Makes the option `connect` of undici's `Agent`, `Pool` or `Client`: connections are
 * sockets of `iocp/net`, with TLS for HTTPS.
 *
 * The errors are those of undici's own; after `timeout` it is a `ConnectTimeoutError`
 * with the code `UND_ERR_CONNECT_TIMEOUT`.
 *
 * @throws {TypeError} when `timeout` is no number.
 *
 * @example
 * ```ts
 * import { undiciConnect } from "iocp/http";
 *
 * const connect = undiciConnect({ allowH2: true, timeout: 5_000 });
 * // new Agent({ connect })
 * console.log(typeof connect);
 * ```
 */
export function undiciConnect(options?: UndiciConnectOptions): UndiciConnect {
  const connector = new UndiciConnector(options);
  return (target, callback) => connector.connect(target, callback as Done);
}

/**
 * `tls.connect()` over a socket of `iocp/net`, with the same signatures and options.
 * The result is a `tls.TLSSocket`, whose addresses, `ref()`, `unref()`, `setNoDelay()`,
 * `setKeepAlive()` and `setTimeout()` are those of that socket.
 *
 * Unlike `tls.connect()` it sends small writes at once, unless `noDelay` is `false`.
 *
 * @example
 * ```ts
 * import { connectTls } from "iocp/http";
 *
 * const socket = connectTls({ host: "127.0.0.1", port: 1 });
 * socket.on("error", (error: Error) => console.log(error.message));
 * ```
 */
export const connectTls: TlsModule["connect"] = connectWithTls as never;
