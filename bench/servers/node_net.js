// Copyright the iocp authors. MIT license.
// node:net and node:http, the same file for Deno and Bun.

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

const role = process.argv.at(-1);
const server = role === "http"
  ? createSite((_, response) => {
    response.setHeader("Content-Type", "text/plain;charset=utf-8");
    response.end("Hello, World!");
  })
  : createServer((socket) => {
    socket.on("error", () => socket.destroy());
    roles[role](socket);
  });
server.listen({ port: 0, host: "127.0.0.1" }, () => {
  console.log(`listening on 127.0.0.1:${server.address().port}`);
});
