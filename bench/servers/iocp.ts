// Copyright the iocp authors. MIT license.
/* This module, the same file for Deno and Bun. */

import { createServer } from "node:http";
import { argv } from "node:process";
import { broadcast, type Conn, listen, serveHttp } from "../../mod.ts";

/* Errors are caught inside: a catch() on each promise would cost memory. */
async function echo(conn: Conn) {
  try {
    for await (const chunk of conn) await conn.write(chunk);
  } catch { /* The peer has reset the connection. */ }
}

async function echoBuffer(conn: Conn) {
  const p = new Uint8Array(65536);
  try {
    for await (const chunk of conn.chunks(p)) await conn.write(chunk);
  } catch { /* The peer has reset the connection. */ }
}

const peers = new Set<Conn>();
async function sendToAll(conn: Conn) {
  peers.add(conn);
  try {
    for await (const chunk of conn) broadcast(peers, chunk);
  } catch { /* The peer has reset the connection. */ }
  peers.delete(conn);
}

const role = argv.at(-1)!;
const listener = listen({ hostname: "127.0.0.1", port: 0 });
console.log(`listening on 127.0.0.1:${listener.addr.port}`);
if (role === "http") {
  const site = createServer((_, response) => {
    response.setHeader("Content-Type", "text/plain;charset=utf-8");
    response.end("Hello, World!");
  });
  serveHttp(site, listener);
} else {
  const roles = { echo, "echo-buffer": echoBuffer, broadcast: sendToAll };
  const serve = roles[role as keyof typeof roles];
  for await (const conn of listener) serve(conn);
}
