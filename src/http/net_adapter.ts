// Copyright the iocp authors. MIT license.

import type {
  ServerAdapter,
  ServerHandle,
  ServerMembers,
} from "./node_server.ts";
import { nodeModule } from "../runtime/globals.ts";
import type { Duplex } from "../runtime/node_types.ts";
import { wrongType } from "../options/validate.ts";

/** The adapter of every `net.Server`. Such a server counts its connections, and
 * its own `close()`, `address()`, `listening` and so on use the handle. */
export class NetAdapter implements ServerAdapter {
  readonly #server: ServerMembers;

  constructor(server: ServerMembers, handle: ServerHandle) {
    const { Server } = nodeModule<{ Server: new () => unknown }>("node:net");
    if (!(server instanceof Server)) {
      wrongType("server", "a server of node:http or node:https", server);
    }
    this.#server = server;
    server._handle = handle;
    /* address() returns it. */
    if (handle.path !== undefined) server._pipeName = handle.path;
  }

  get count(): number {
    return this.#server._connections ?? 0;
  }

  /* Only HTTP servers have true as their default. */
  get noDelay(): boolean | undefined {
    const server = this.#server;
    const isHttp = ["node:http", "node:https"].some((name) => {
      const { Server } = nodeModule<{ Server: new () => unknown }>(name);
      return server instanceof Server;
    });
    return isHttp ? server.noDelay : server.noDelay || undefined;
  }

  add(duplex: Duplex): void {
    const server = this.#server;
    server._connections = this.count + 1;
    server.emit("connection", duplex);
  }

  remove(): void {
    const server = this.#server;
    server._connections = this.count - 1;
    server._emitCloseIfDrained?.();
  }
}
