// Copyright the iocp authors. MIT license.
/* Servers and connections of iocp/net. */

import { once } from "node:events";
import type { AddressInfo, Server, Socket } from "node:net";
import * as net from "../../net.ts";
import { within } from "./deadline.ts";

/** A server on a port of this machine, with its sockets. */
export interface Listening extends AsyncDisposable {
  readonly server: Server;
  readonly port: number;
}

/** Makes a server that listens. Its end closes all that it has accepted. */
export async function listening(
  listener: (socket: Socket) => void = () => {},
  options: object = {},
): Promise<Listening> {
  const sockets = new Set<Socket>();
  const server = net.createServer(options, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    listener(socket);
  });
  server.listen(0, "127.0.0.1");
  await within("listening", once(server, "listening"));
  const { port } = server.address() as AddressInfo;
  return {
    server,
    port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      if (!server.listening) return;
      const closed = once(server, "close");
      server.close();
      await within("the close of the server", closed);
    },
  };
}

/** Both ends of a connection, and its server. */
export interface Ends extends AsyncDisposable {
  readonly client: Socket;
  readonly server: Socket;
}

/** Makes a connection. The options are those of both ends. */
export async function connected(options: object = {}): Promise<Ends> {
  const served = await listening(undefined, options);
  const arrived = once(served.server, "connection");
  const client = net.connect({
    ...options,
    port: served.port,
    host: "127.0.0.1",
  });
  client.on("error", () => {});
  await within("connect", once(client, "connect"));
  const [server] = await within("connection", arrived) as [Socket];
  return {
    client,
    server,
    async [Symbol.asyncDispose]() {
      client.destroy();
      await served[Symbol.asyncDispose]();
    },
  };
}

/** Everything that is received up to the end, as text. */
export async function text(socket: Socket): Promise<string> {
  let received = "";
  socket.on("data", (part) => received += part);
  await within("end", once(socket, "end"));
  return received;
}
