// Copyright the iocp authors. MIT license.
// Bun's own sockets. `socket.data` has the bytes that were not sent yet.

import { argv } from "node:process";

function send(socket, chunk) {
  const sent = socket.write(chunk);
  if (sent === chunk.length) return true;
  socket.data.unshift(chunk.slice(Math.max(sent, 0)));
  return false;
}

function sendOrQueue(socket, chunk) {
  if (socket.data.length === 0) send(socket, chunk);
  else socket.data.push(chunk.slice());
}

const common = {
  open(socket) {
    socket.data = [];
  },
  drain(socket) {
    for (;;) {
      const chunk = socket.data.shift();
      if (chunk === undefined || !send(socket, chunk)) return;
    }
  },
  error() {},
};
const peers = new Set();
const roles = {
  echo: { data: sendOrQueue },
  broadcast: {
    open(socket) {
      socket.data = [];
      peers.add(socket);
    },
    data(_, chunk) {
      for (const peer of peers) sendOrQueue(peer, chunk);
    },
    close: (socket) => peers.delete(socket),
  },
};

/* See ../load/datagram.c. On one machine there is always room to send. An answer to
 * a load that has ended is refused, which ends the process unless error() gets it. */
let count = 0;
const datagramRoles = {
  receive(socket, data, port, hostname) {
    if (++count % 1024 === 0) socket.send(data, port, hostname);
  },
  send(socket, data, port, hostname) {
    for (let i = 0; i < 32; i++) socket.send(data, port, hostname);
  },
  "send-batches"(socket, data, port, hostname) {
    socket.sendMany(Array(32).fill([data, port, hostname]).flat());
  },
};
datagramRoles["receive-batches"] = datagramRoles.receive;

const role = argv.at(-1);
const address = { hostname: "127.0.0.1", port: 0 };
const datagram = datagramRoles[role];
const { port } = role === "http"
  ? Bun.serve({ ...address, fetch: () => new Response("Hello, World!") })
  : datagram
  ? await Bun.udpSocket({ ...address, socket: { error() {}, data: datagram } })
  : Bun.listen({ ...address, socket: { ...common, ...roles[role] } });
console.log(`listening on 127.0.0.1:${port}`);
