// Copyright the iocp authors. MIT license.
/* Servers of JavaScript for the tests of client libraries, in the process of the
 * test. */

import { once } from "node:events";
import { createRequire } from "node:module";
import type { AddressInfo, Server, Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { within } from "./deadline.ts";
import type { LibraryServer } from "./library.ts";
import { server as identity } from "./tls.ts";

/** Makes a server that does not listen yet. */
export type MakeServer = (isSecure: boolean) => Server;

/** A server of connections, which are those of TLS if it is secure. */
export function serverOf(serve: (stream: Socket) => void): MakeServer {
  const net = createRequire(import.meta.url)("net");
  return (isSecure) =>
    net.createServer((socket: Socket) =>
      serve(
        isSecure
          ? new TLSSocket(socket, { isServer: true, ...identity })
          : socket,
      )
    );
}

/* A server that listens, and its connections. */
class Running {
  readonly server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(server: Server) {
    this.server = server;
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  async listen(port: number): Promise<number> {
    this.server.listen(port, "127.0.0.1");
    await within("listening", once(this.server, "listening"));
    return (this.server.address() as AddressInfo).port;
  }

  async kill(): Promise<void> {
    const closed = once(this.server, "close");
    this.server.close();
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await within("the close of a server", closed);
  }
}

/** A plain server and a secure one, which are killed and started as one. */
export class LocalServer implements LibraryServer {
  readonly #make: MakeServer;
  port = 0;
  securePort = 0;
  #running: Running[] = [];

  constructor(make: MakeServer) {
    this.#make = make;
  }

  async start(): Promise<void> {
    const plain = new Running(this.#make(false));
    const secure = new Running(this.#make(true));
    this.#running = [plain, secure];
    this.port = await plain.listen(this.port);
    this.securePort = await secure.listen(this.securePort);
  }

  async kill(): Promise<void> {
    const running = this.#running.splice(0);
    await Promise.all(running.map((each) => each.kill()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

/** Starts one. */
export async function startLocal(make: MakeServer): Promise<LocalServer> {
  const server = new LocalServer(make);
  await server.start();
  return server;
}
