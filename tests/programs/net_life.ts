// Copyright the iocp authors. MIT license.
/* Programs that end by themselves, or by an exception, with sockets of iocp/net. */

import process from "node:process";
import { connectTls } from "../../http.ts";
import { connect, createServer, Socket } from "../../net.ts";

const programs: Record<string, () => void> = {
  /* Nothing is left when the connection and the server are closed. */
  closed() {
    const server = createServer((socket) => socket.pipe(socket));
    server.listen(0, "127.0.0.1", () => {
      const client = connect(portOf(server), "127.0.0.1");
      client.end("x");
      client.resume();
      client.on("close", () => server.close());
    });
  },
  unrefServer() {
    createServer().listen(0, "127.0.0.1").unref();
  },
  unrefBoth() {
    const server = createServer((socket) => socket.unref());
    server.unref();
    server.listen(0, "127.0.0.1", () => {
      const client = connect(portOf(server), "127.0.0.1");
      client.on("connect", () => client.unref());
    });
    /* Until all of it is there. */
    setTimeout(() => {}, 200);
  },
  /* A paused socket waits for nothing. */
  paused() {
    const server = createServer((socket) => socket.unref()).unref();
    server.listen(0, "127.0.0.1", () => {
      connect(portOf(server), "127.0.0.1").pause();
    });
  },
  /* TLS over a socket leaves this to it. */
  unrefTls() {
    const server = createServer((socket) => socket.unref()).unref();
    server.listen(0, "127.0.0.1", () => {
      connectTls(portOf(server), "127.0.0.1").unref();
    });
    setTimeout(() => {}, 200);
  },
  timeoutAlone() {
    new Socket().setTimeout(1_000_000);
  },
  /* An exception of a listener leaves the stream and the others as they are. */
  throwing() {
    let count = 0;
    process.on("uncaughtException", (error) => {
      console.log(error.message);
      if (++count === 3) process.exit(0);
    });
    const server = createServer((socket) => {
      socket.write("x");
      socket.on("error", () => {});
      throw new Error("by connection");
    });
    server.listen(0, "127.0.0.1", () => {
      const client = connect(portOf(server), "127.0.0.1");
      client.on("connect", () => {
        throw new Error("by connect");
      });
      client.on("data", () => {
        throw new Error("by data");
      });
    });
  },
};

function portOf(server: ReturnType<typeof createServer>): number {
  return (server.address() as { port: number }).port;
}

programs[process.argv[2]!]!();
