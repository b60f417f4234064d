// Copyright the iocp authors. MIT license.

// A server that sends a wrong byte in each role, late enough that only a load
// that checks everything finds it.

import { createSocket } from "node:dgram";
import { createServer as createSite } from "node:http";
import { createServer } from "node:net";
import process from "node:process";

/** Bytes of messages or bodies that are right before the wrong one. */
const RIGHT = 500;
const BODY = "Hello, World!";

let count = 0;
const peers = new Set();
const roles = {
  echo: (socket, chunk) => socket.write(spoil(chunk)),
  broadcast(_, chunk) {
    const bytes = spoil(chunk);
    for (const peer of peers) peer.write(bytes);
  },
};

function spoil(chunk) {
  count += chunk.length;
  const bytes = Buffer.from(chunk);
  if (count > RIGHT) bytes[bytes.length - 1] ^= 1;
  return bytes;
}

const datagramRoles = {
  receive(datagram, { port, address }) {
    datagram[datagram.length - 1] ^= 1;
    if (++count % 1024 === 0) this.send(datagram, port, address);
  },
  /* Leaves one copy out. */
  send(datagram, { port, address }) {
    for (let i = 0; i < 32; i++) {
      if (++count !== RIGHT) this.send(datagram, port, address);
    }
  },
};

const role = process.argv.at(-1);
if (role in datagramRoles) {
  const socket = createSocket("udp4", datagramRoles[role]);
  socket.bind(0, "127.0.0.1", () => announce(socket));
} else {
  const server = role === "http"
    ? createSite((_, response) => {
      count += BODY.length;
      response.end(count < RIGHT ? BODY : BODY.toLowerCase());
    })
    : createServer({ noDelay: true }, (socket) => {
      peers.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("data", (chunk) => roles[role](socket, chunk));
    });
  server.listen(0, "127.0.0.1", () => announce(server));
}

function announce(server) {
  console.log(`listening on 127.0.0.1:${server.address().port}`);
}
