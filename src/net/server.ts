// Copyright the iocp authors. MIT license.
/* The Server of iocp/net. A rule that is not explained here is one of the
 * documentation of node:net. */

import { callable } from "./callable.ts";
import type { AddressFilter } from "../options/address_filter.ts";
import { notRunning, wrongArgType } from "./net_error.ts";
import { alreadyListening } from "../http/node_server.ts";
import {
  captureRejectionSymbol,
  dns,
  EventEmitter,
  type Found,
} from "./node_parts.ts";
import {
  normalizeArgs,
  optionalBlockList,
  requireNumber,
} from "./arguments.ts";
import { type ListenRequest, listenRequest } from "./listen_request.ts";
import {
  droppedConnection,
  type NodeAddress,
  nodeAddress,
} from "../views/node_address.ts";
import { nextTick } from "../runtime/globals.ts";
import { LOCAL, PEER } from "../native/completion.ts";
import { onAbort } from "./listen_signal.ts";
import { type NetSocket, Socket, type SocketServer } from "./socket.ts";
import { ServerHandle } from "./server_handle.ts";
import { SocketHandle } from "./socket_handle.ts";
import type { Socket as Connection } from "../socket/socket.ts";
import type { EventListener } from "../runtime/node_types.ts";

type Options = Record<string, unknown>;

/* Users get it as a function, which calls _init() in place of a constructor. */
class NetServer extends EventEmitter implements SocketServer {
  declare _handle: ServerHandle | null;
  declare _connections: number;
  declare _unref: boolean;
  declare _connectionKey: string | undefined;
  /* A look-up is under way, that close() gives up. */
  declare _lookUps: number;
  declare allowHalfOpen: boolean;
  declare pauseOnConnect: boolean;
  declare noDelay: boolean | undefined;
  declare keepAlive: boolean;
  declare keepAliveInitialDelay: number;
  declare highWaterMark: number | undefined;
  declare blockList: AddressFilter | undefined;
  declare maxConnections: number | undefined;
  declare dropMaxConnection: boolean | undefined;

  _init(given?: unknown, listener?: unknown): void {
    let options: Options = {};
    if (typeof given === "function") {
      this.on("connection", given as EventListener);
    } else if (
      given === undefined || given === null || typeof given === "object"
    ) {
      options = { ...given };
      if (typeof listener === "function") {
        this.on("connection", listener as EventListener);
      }
    } else throw wrongArgType("options", "Object", given);
    if (options["keepAliveInitialDelay"] !== undefined) {
      requireNumber(
        "options.keepAliveInitialDelay",
        options["keepAliveInitialDelay"],
      );
    }
    if (options["highWaterMark"] !== undefined) {
      requireNumber("options.highWaterMark", options["highWaterMark"]);
    }
    this._handle = null;
    this._connections = 0;
    this._unref = false;
    this._lookUps = 0;
    this.allowHalfOpen = Boolean(options["allowHalfOpen"]);
    this.pauseOnConnect = Boolean(options["pauseOnConnect"]);
    const { noDelay } = options;
    this.noDelay = noDelay === undefined ? undefined : Boolean(noDelay);
    this.keepAlive = Boolean(options["keepAlive"]);
    const delay = Number(options["keepAliveInitialDelay"] ?? 0);
    /* In seconds, as in Node. */
    this.keepAliveInitialDelay = Math.max(0, Math.trunc(delay / 1000));
    this.highWaterMark = options["highWaterMark"] as number | undefined;
    this.blockList = optionalBlockList(
      "options.blockList",
      options["blockList"],
    );
  }

  get listening(): boolean {
    return this._handle !== null;
  }

  listen(...args: unknown[]): this {
    const [given, callback] = normalizeArgs(args);
    if (this._handle !== null) throw alreadyListening();
    const request = listenRequest(given, args);
    if (callback !== null) this.once("listening", callback);
    onAbort(request.signal, this);
    if (request.host === undefined) this._listen(request);
    else this._lookUp(request, request.host);
    return this;
  }

  _lookUp(request: ListenRequest, host: string): void {
    const lookUp = ++this._lookUps;
    const options = { all: true, port: request.port };
    dns.lookup(host, options, (error, found) => {
      if (lookUp !== this._lookUps) return;
      if (error) this.emit("error", error);
      else this._listen({ ...request, address: firstUsable(found) });
    });
  }

  _listen(request: ListenRequest): void {
    try {
      this._handle = ServerHandle.open(
        request,
        (error, handle) => this._accept(error, handle),
      );
    } catch (error) {
      nextTick(() => this.emit("error", error));
      return;
    }
    const handle = this._handle;
    this._connectionKey = connectionKey(request);
    if (this._unref) handle.unref();
    nextTick(() => {
      /* It may be closed by now. */
      if (this._handle === handle) this.emit("listening");
    });
  }

  _accept(error: number, handle: SocketHandle): void {
    const { accepted: connection } = handle;
    if (error || connection === undefined) return;
    const { maxConnections, blockList } = this;
    if (
      typeof maxConnections === "number" && this._connections >= maxConnections
    ) {
      const local = connection.address(LOCAL);
      const remote = connection.address(PEER);
      connection.abandon();
      this.emit("drop", droppedConnection(local, remote));
      return;
    }
    if (blockList !== undefined && isBlocked(blockList, connection)) {
      connection.abandon();
      return;
    }
    handle.setInitialNoDelay(this.noDelay);
    if (this.keepAlive) handle.setKeepAlive(true, this.keepAliveInitialDelay);
    const socket = new Socket({
      handle,
      allowHalfOpen: this.allowHalfOpen,
      pauseOnCreate: this.pauseOnConnect,
      noDelay: this.noDelay,
      keepAlive: this.keepAlive,
      keepAliveInitialDelay: this.keepAliveInitialDelay * 1000,
      highWaterMark: this.highWaterMark,
    });
    this._connections++;
    socket.server = socket._server = this;
    this.emit("connection", socket);
  }

  address(): NodeAddress | string | null {
    return this._handle?.address ?? null;
  }

  getConnections(
    callback: (error: Error | null, count: number) => void,
  ): this {
    nextTick(() => callback(null, this._connections));
    return this;
  }

  close(callback?: (error?: Error) => void): this {
    if (typeof callback === "function") {
      const isOpen = this._handle !== null;
      this.once("close", isOpen ? callback : () => callback(notRunning()));
    }
    this._lookUps++;
    this._handle?.close();
    this._handle = null;
    this._emitCloseIfDrained();
    return this;
  }

  _emitCloseIfDrained(): void {
    if (this._handle !== null || this._connections > 0) return;
    nextTick(() => {
      if (this._handle === null && this._connections === 0) this.emit("close");
    });
  }

  ref(): this {
    this._unref = false;
    this._handle?.ref();
    return this;
  }

  unref(): this {
    this._unref = true;
    this._handle?.unref();
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this._handle === null) return;
    await new Promise<void>((resolve, reject) =>
      this.close((error) => error ? reject(error) : resolve())
    );
  }
}

/* With captureRejections, the error of an async listener. */
Object.defineProperty(NetServer.prototype, captureRejectionSymbol, {
  value(this: NetServer, error: Error, event: string, socket: NetSocket) {
    if (event === "connection") socket.destroy(error);
    else this.emit("error", error);
  },
  configurable: true,
  writable: true,
});

export type { NetServer };

/* A link-local address cannot be used without a zone, so others come first. */
function firstUsable(found: string | readonly Found[] | undefined): string {
  if (!Array.isArray(found)) return found as string;
  const all = found as readonly Found[];
  const usable = all.find(({ address }) => !/^fe[89ab][\da-f]:/i.test(address));
  return (usable ?? all[0]!).address;
}

/* Family, host and port as listen() got them. */
function connectionKey({ path, address, port }: ListenRequest): string {
  if (path !== undefined) return `-1:${path}:-1`;
  const host = address ?? "::";
  return `${host.includes(":") ? 6 : 4}:${host}:${port}`;
}

function isBlocked(blockList: AddressFilter, connection: Connection): boolean {
  const { address, family } = nodeAddress(connection.address(PEER));
  if (address === undefined) return false;
  return blockList.check(address, family === "IPv6" ? "ipv6" : "ipv4");
}

/** The constructor, which may be called without `new`. */
export const Server: new (
  options?: unknown,
  listener?: unknown,
) => NetServer = callable(
  "Server",
  NetServer,
  (self, [given]) =>
    EventEmitter.call(self, typeof given === "object" ? given : undefined),
);

/** Makes a server: `net.createServer()`. */
export function createServer(
  options?: unknown,
  listener?: unknown,
): NetServer {
  return new Server(options, listener);
}
