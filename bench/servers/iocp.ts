// Copyright the iocp authors. MIT license.
/* This module, the same file for Deno and Bun. */

import { createServer } from "node:http";
import { argv } from "node:process";
import { broadcast, type Conn, listen, serveHttp } from "../../mod.ts";
import { encodeCount, makeBlocks } from "./pattern.js";

/* A peer that goes away is nobody's fault. It is caught within, since a promise
 * with a catch() is more to keep for each connection. */
async function echo(conn: Conn) {
  try {
    for await (const chunk of conn) await conn.write(chunk);
  } catch { /* It has gone. */ }
}

/* The same with a buffer of the caller's. */
async function echoOwn(conn: Conn) {
  const p = new Uint8Array(65536);
  try {
    for await (const chunk of conn.chunks(p)) await conn.write(chunk);
  } catch { /* It has gone. */ }
}

async function sink(conn: Conn) {
  let count = 0;
  try {
    for await (const chunk of conn) count += chunk.length;
    await conn.write(encodeCount(count));
  } catch { /* It has gone. */ }
  conn.close();
}

const blockAt = makeBlocks();
async function source(conn: Conn) {
  try {
    for (let position = 0;;) {
      position += await conn.write(blockAt(position));
    }
  } catch { /* It has gone. */ }
}

const peers = new Set<Conn>();
async function repeat(conn: Conn) {
  peers.add(conn);
  try {
    for await (const chunk of conn) broadcast(peers, chunk);
  } catch { /* It has gone. */ }
  peers.delete(conn);
}

const site = createServer((_, response) => {
  response.setHeader("Content-Type", "text/plain;charset=utf-8");
  response.end("Hello, World!");
});
const roles: Record<string, (conn: Conn) => Promise<void> | void> = {
  echo,
  "echo-own": echoOwn,
  sink,
  source,
  broadcast: repeat,
};
const role = argv.at(-1)!;
const serve = roles[role];
if (serve === undefined && role !== "http") {
  throw new Error(`no such role: ${role}`);
}
const listener = listen({
  hostname: "127.0.0.1",
  port: 0,
  allowHalfOpen: role === "sink",
});
console.log(`listening on 127.0.0.1:${listener.addr.port}`);
if (serve === undefined) serveHttp(site, listener);
else for await (const conn of listener) serve(conn);
