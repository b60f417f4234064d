// Copyright the iocp authors. MIT license.
// node:net and node:http, the same file for Node, Deno and Bun.

import { createServer as createSite } from "node:http";
import { createServer } from "node:net";
import process from "node:process";
import { encodeCount, makeBlocks } from "./pattern.js";

function echo(socket) {
  socket.on("drain", () => socket.resume());
  socket.on("data", (chunk) => {
    if (!socket.write(chunk)) socket.pause();
  });
}

function sink(socket) {
  let count = 0;
  socket.on("data", (chunk) => count += chunk.length);
  socket.on("end", () => socket.end(encodeCount(count)));
}

const blockAt = makeBlocks();
function source(socket) {
  let position = 0;
  const send = () => {
    let isTaken = true;
    while (isTaken && !socket.destroyed) {
      const block = blockAt(position);
      position += block.length;
      isTaken = socket.write(block);
    }
  };
  socket.on("drain", send);
  send();
}

const peers = new Set();
function broadcast(socket) {
  peers.add(socket);
  socket.on("data", (chunk) => {
    for (const peer of peers) peer.write(chunk);
  });
  socket.on("close", () => peers.delete(socket));
}

function announce() {
  console.log(`listening on 127.0.0.1:${server.address().port}`);
}

const role = process.argv.at(-1);
const roles = { echo, sink, source, broadcast };
const server = role === "http"
  ? createSite((_, response) => {
    response.setHeader("Content-Type", "text/plain;charset=utf-8");
    response.end("Hello, World!");
  })
  : createServer(
    { allowHalfOpen: role === "sink" },
    (socket) => {
      // A peer that goes away is nobody's fault.
      socket.on("error", () => socket.destroy());
      roles[role](socket);
    },
  );
server.listen({ port: 0, host: "127.0.0.1" }, announce);
