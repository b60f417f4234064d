// Copyright the iocp authors. MIT license.
/**
 * TCP sockets over a completion port: one API for Deno and Bun, on Windows and
 * Linux.
 *
 * A listener is an async iterable of connections, a connection an async
 * iterable of chunks; `await conn.write()` carries backpressure.
 *
 * @example
 * ```ts
 * import { type Conn, connect, listen } from "./mod.ts";
 *
 * const listener = listen({ hostname: "127.0.0.1", port: 0 });
 *
 * async function echo(conn: Conn) {
 *   for await (const chunk of conn) await conn.write(chunk);
 * }
 * async function serve() {
 *   for await (const conn of listener) echo(conn);
 * }
 * serve();
 *
 * const conn = await connect(listener.addr);
 * await conn.write(new TextEncoder().encode("hello"));
 * for await (const chunk of conn) {
 *   console.log(new TextDecoder().decode(chunk));
 *   break;
 * }
 * listener.close();
 * ```
 *
 * @module
 */

export { type NetAddr } from "./src/address.ts";
export { Conn } from "./src/conn.ts";
export { LibraryError, NotSupported, SocketError } from "./src/errors.ts";
export { type SocketErrorOptions } from "./src/errors.ts";
export { Listener } from "./src/listener.ts";
export {
  type ConnectOptions,
  type ConnOptions,
  type ListenOptions,
} from "./src/options.ts";
export { CompletionPort, connect, listen, type PortStats } from "./src/port.ts";
