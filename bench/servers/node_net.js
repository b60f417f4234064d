// Copyright the iocp authors. MIT license.
// node:net, node:dgram and node:http, the same file for Deno and Bun.

import { createSocket } from "node:dgram";
import { createServer as createSite } from "node:http";
import { createServer } from "node:net";
import process from "node:process";

const peers = new Set();
const roles = {
  echo(socket) {
    socket.on("drain", () => socket.resume());
    socket.on("data", (chunk) => {
      if (!socket.write(chunk)) socket.pause();
    });
  },
  broadcast(socket) {
    peers.add(socket);
    socket.on("close", () => peers.delete(socket));
    socket.on("data", (chunk) => {
      for (const peer of peers) peer.write(chunk);
    });
  },
};

/* See ../load/datagram.c. */
let count = 0;
const datagramRoles = {
  receive(data, { port, address }) {
    if (++count % 1024 === 0) this.send(data, port, address);
  },
  send(data, { port, address }) {
    for (let i = 0; i < 32; i++) this.send(data, port, address);
  },
};

const announce = (server) =>
  console.log(`listening on 127.0.0.1:${server.address().port}`);

const role = process.argv.at(-1);
if (role in datagramRoles) {
  const socket = createSocket("udp4", datagramRoles[role]);
  socket.bind(0, "127.0.0.1", () => announce(socket));
} else {
  const server = role === "http"
    ? createSite((_, response) => {
      response.setHeader("Content-Type", "text/plain;charset=utf-8");
      response.end("Hello, World!");
    })
    : createServer((socket) => {
      socket.on("error", () => socket.destroy());
      roles[role](socket);
    });
  server.listen({ port: 0, host: "127.0.0.1" }, () => announce(server));
}
