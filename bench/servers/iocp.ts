// Copyright the iocp authors. MIT license.
/* This module, the same file for Deno and Bun. */

import { createServer } from "node:http";
import { argv } from "node:process";
import { bind, broadcast, listen, serveHttp } from "../../mod.ts";
import type { Conn, DatagramSocket } from "../../mod.ts";

/* Errors are caught inside: a catch() on each promise would cost memory. */
async function echo(conn: Conn, chunks: AsyncIterable<Uint8Array> = conn) {
  try {
    for await (const chunk of chunks) await conn.write(chunk);
  } catch { /* The peer has reset the connection. */ }
}
const buffer = (conn: Conn) => echo(conn, conn.chunks(new Uint8Array(65536)));
const leased = (conn: Conn) => echo(conn, conn.leased());

const peers = new Set<Conn>();
async function sendToAll(conn: Conn) {
  peers.add(conn);
  try {
    for await (const chunk of conn) broadcast(peers, chunk);
  } catch { /* The peer has reset the connection. */ }
  peers.delete(conn);
}

/* See ../load/datagram.c. */
let count = 0;
const datagramRoles = {
  async receive(socket: DatagramSocket) {
    for await (const { data, addr } of socket) {
      if (++count % 1024 === 0) await socket.send(data, addr);
    }
  },
  async "receive-batches"(socket: DatagramSocket) {
    for await (const batch of socket.batches()) {
      for (const { data, addr } of batch) {
        if (++count % 1024 === 0) await socket.send(data, addr);
      }
    }
  },
  async send(socket: DatagramSocket) {
    for await (const { data, addr } of socket) {
      for (let i = 1; i < 32; i++) socket.send(data, addr);
      await socket.send(data, addr);
    }
  },
  async "send-batches"(socket: DatagramSocket) {
    for await (const { data, addr } of socket) {
      await socket.sendMany(Array(32).fill({ data, addr }));
    }
  },
};

const role = argv.at(-1)!;
const address = { hostname: "127.0.0.1", port: 0 };
const serveDatagrams = datagramRoles[role as keyof typeof datagramRoles];
if (serveDatagrams) {
  const socket = bind(address);
  console.log(`listening on 127.0.0.1:${socket.addr.port}`);
  serveDatagrams(socket);
} else {
  const listener = listen(address);
  console.log(`listening on 127.0.0.1:${listener.addr.port}`);
  const site = createServer((_, response) => {
    response.setHeader("Content-Type", "text/plain;charset=utf-8");
    response.end("Hello, World!");
  });
  if (role === "http") serveHttp(site, listener);
  else {
    const roles = { echo, buffer, leased, broadcast: sendToAll };
    const serve = roles[role as keyof typeof roles];
    for await (const conn of listener) serve(conn);
  }
}
