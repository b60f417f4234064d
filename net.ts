// Copyright the iocp authors. MIT license.
/**
 * The module `node:net` over completion ports: the same functions, classes, options,
 * events and errors, for programs and libraries that use it.
 *
 * With Node's types, the types are those of `node:net`.
 *
 * @example
 * ```ts
 * import { connect, createServer } from "iocp/net";
 *
 * const server = createServer((socket) => socket.pipe(socket));
 * server.listen(0, "127.0.0.1", () => {
 *   const { port } = server.address() as { port: number };
 *   const client = connect(port, "127.0.0.1", () => client.end("hello"));
 *   client.on("data", (chunk) => console.log(String(chunk)));
 *   client.on("close", () => server.close());
 * });
 * ```
 *
 * @module
 */

/* First, since it throws in runtimes in which the other modules could not
 * run. */
import "./src/runtime/detect.ts";
import "./src/loop/preload.ts";
import { netModule } from "./src/net/net_module.ts";
import type { NetModule } from "./src/net/public_types.ts";

export type {
  NetModule,
  PlainNet,
  PlainServer,
  PlainSocket,
} from "./src/net/public_types.ts";
export type { PlainDuplex, SocketMembers } from "./src/views/socket_duplex.ts";

/** A connection, or what becomes one by its `connect()`. */
export const Socket: NetModule["Socket"] = netModule.Socket;
/** A connection, or what becomes one by its `connect()`. */
export type Socket = InstanceType<NetModule["Socket"]>;
/** The same as {@linkcode Socket}. */
export const Stream: NetModule["Socket"] = netModule.Socket;
/** A server of TCP or of local sockets. */
export const Server: NetModule["Server"] = netModule.Server;
/** A server of TCP or of local sockets. */
export type Server = InstanceType<NetModule["Server"]>;
/** Makes a socket and connects it. */
export const connect: NetModule["connect"] = netModule.connect;
/** The same as {@linkcode connect}. */
export const createConnection: NetModule["createConnection"] =
  netModule.createConnection;
/** Makes a server. */
export const createServer: NetModule["createServer"] = netModule.createServer;
/** A list of addresses, that of the runtime. */
export const BlockList: NetModule["BlockList"] = netModule.BlockList;
/** A list of addresses. */
export type BlockList = InstanceType<NetModule["BlockList"]>;
/** An address, that of the runtime. */
export const SocketAddress: NetModule["SocketAddress"] =
  netModule.SocketAddress;
/** An address. */
export type SocketAddress = InstanceType<NetModule["SocketAddress"]>;
/** 4 or 6 for an IP address, otherwise 0. */
export const isIP: NetModule["isIP"] = netModule.isIP;
/** Whether the text is an IPv4 address. */
export const isIPv4: NetModule["isIPv4"] = netModule.isIPv4;
/** Whether the text is an IPv6 address. */
export const isIPv6: NetModule["isIPv6"] = netModule.isIPv6;
/** The default of the option `autoSelectFamily`. */
export const getDefaultAutoSelectFamily:
  NetModule["getDefaultAutoSelectFamily"] =
    netModule.getDefaultAutoSelectFamily;
/** Changes the default of the option `autoSelectFamily`. */
export const setDefaultAutoSelectFamily:
  NetModule["setDefaultAutoSelectFamily"] =
    netModule.setDefaultAutoSelectFamily;
/** The default of the option `autoSelectFamilyAttemptTimeout`, in milliseconds. */
export const getDefaultAutoSelectFamilyAttemptTimeout:
  NetModule["getDefaultAutoSelectFamilyAttemptTimeout"] =
    netModule.getDefaultAutoSelectFamilyAttemptTimeout;
/** Changes the default of the option `autoSelectFamilyAttemptTimeout`. */
export const setDefaultAutoSelectFamilyAttemptTimeout:
  NetModule["setDefaultAutoSelectFamilyAttemptTimeout"] =
    netModule.setDefaultAutoSelectFamilyAttemptTimeout;

/** What `require()` returns. */
export { netModule as "module.exports" };
/** All members in one object. */
export default netModule;
