// Copyright the iocp authors. MIT license.

// A server that gets one byte wrong in each role, late enough that only a load
// that checks everything sees it.

import { createServer as createSite } from "node:http";
import { createServer } from "node:net";
import process from "node:process";
import { encodeCount, makeBlocks } from "../servers/pattern.js";

/** Bytes, or answers, that are right before the wrong one. */
const RIGHT = 1000;

const blockAt = makeBlocks();
const peers = new Set();
let asked = 0;
const roles = {
  echo(socket) {
    let count = 0;
    socket.on("data", (chunk) => {
      count += chunk.length;
      socket.write(count > RIGHT ? spoil(chunk) : chunk);
    });
  },
  sink(socket) {
    let count = 0;
    socket.on("data", (chunk) => count += chunk.length);
    socket.on("end", () => socket.end(encodeCount(count - 1)));
  },
  source(socket) {
    socket.write(blockAt(0));
    socket.write(spoil(blockAt(blockAt(0).length)));
  },
  broadcast(socket) {
    peers.add(socket);
    socket.on("data", (chunk) => {
      asked += chunk.length;
      for (const peer of peers) {
        peer.write(asked > RIGHT ? spoil(chunk) : chunk);
      }
    });
  },
};

function spoil(chunk) {
  const spoiled = Buffer.from(chunk);
  spoiled[spoiled.length - 1] ^= 1;
  return spoiled;
}

const role = process.argv.at(-1);
const server = role === "http"
  ? createSite((_, response) =>
    response.end(asked++ < RIGHT ? "Hello, World!" : "Hello, world!")
  )
  : createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    roles[role](socket);
  });
server.listen(0, "127.0.0.1", () => {
  console.log(`listening on 127.0.0.1:${server.address().port}`);
});
