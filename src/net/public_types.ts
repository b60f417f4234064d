// Copyright the iocp authors. MIT license.
/* The public types of iocp/net: those of node:net where the compiler knows them. */

/** @ts-ignore: Without Node's types it is any, which is replaced below. */
import type * as nodeNet from "node:net";
import type { PlainDuplex, SocketMembers } from "../views/socket_duplex.ts";

/** The members of a `Socket` of which a {@linkcode NetModule} without Node's types
 * knows, besides those of a duplex. */
export interface PlainSocket extends PlainDuplex, SocketMembers {
  /** Connects, by options, a port with an optional host, or a path. */
  connect(...args: readonly unknown[]): this;
}

/** The members of a `Server` of which a {@linkcode NetModule} without Node's types
 * knows. */
export interface PlainServer {
  /** True while it listens. */
  readonly listening: boolean;
  /** Connections above this number are closed, with the event `"drop"`. */
  maxConnections?: number | undefined;
  /** Listens, by options, a port with an optional host, or a path. */
  listen(...args: readonly unknown[]): this;
  /** Stops listening; calls back when the last connection is closed. */
  close(callback?: (error?: Error) => void): this;
  /** Where it listens: a path, or `null` while it does not. */
  address(): { address: string; family: string; port: number } | string | null;
  /** Calls back with the number of open connections. */
  getConnections(
    callback: (error: Error | null, count: number) => void,
  ): this | void;
  /** Lets it keep the process alive, which is the default. */
  ref(): this;
  /** Lets the process end while it listens. */
  unref(): this;
  /** Adds a listener of an event. */
  // deno-lint-ignore no-explicit-any
  on(event: string, listener: (...values: any[]) => void): this;
  /** Adds a listener of the next event of that name. */
  // deno-lint-ignore no-explicit-any
  once(event: string, listener: (...values: any[]) => void): this;
}

/** The members of `node:net`, for a compiler that does not know Node's types. */
export interface PlainNet {
  /** The class of sockets. */
  Socket: new (options?: object) => PlainSocket;
  /** The class of servers. */
  Server: new (
    options?: object | ((socket: PlainSocket) => void),
    listener?: (socket: PlainSocket) => void,
  ) => PlainServer;
  /** Connects a new socket. */
  connect(...args: readonly unknown[]): PlainSocket;
  /** The same as `connect()`. */
  createConnection(...args: readonly unknown[]): PlainSocket;
  /** Makes a server. */
  createServer(
    options?: object | ((socket: PlainSocket) => void),
    listener?: (socket: PlainSocket) => void,
  ): PlainServer;
  /** A list of addresses; see Node's documentation. */
  BlockList: new () => {
    check(address: string, family?: string): boolean;
    addAddress(address: string, family?: string): void;
    addRange(start: string, end: string, family?: string): void;
    addSubnet(net: string, prefix: number, family?: string): void;
  };
  /** An address; see Node's documentation. */
  SocketAddress: new (options?: object) => {
    readonly address: string;
    readonly family: string;
    readonly port: number;
  };
  /** 4 or 6 for an IP address, otherwise 0. */
  isIP(input: string): number;
  /** Whether the text is an IPv4 address. */
  isIPv4(input: string): boolean;
  /** Whether the text is an IPv6 address. */
  isIPv6(input: string): boolean;
  /** The default of the option `autoSelectFamily`. */
  getDefaultAutoSelectFamily(): boolean;
  /** Changes that default. */
  setDefaultAutoSelectFamily(value: boolean): void;
  /** The default of the option `autoSelectFamilyAttemptTimeout`, in milliseconds. */
  getDefaultAutoSelectFamilyAttemptTimeout(): number;
  /** Changes that default. */
  setDefaultAutoSelectFamilyAttemptTimeout(value: number): void;
}

/** The type of `node:net`, or what stands in for it. */
export type NetModule = 0 extends 1 & typeof nodeNet ? PlainNet
  : typeof nodeNet;
