// Copyright the iocp authors. MIT license.
/* Deno's own sockets, the fastest plain way: one buffer a connection. */

import { encodeCount, makeBlocks } from "./pattern.js";

interface DenoConn {
  read(p: Uint8Array): Promise<number | null>;
  write(p: Uint8Array): Promise<number>;
  close(): void;
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
}
interface DenoListener extends AsyncIterable<DenoConn> {
  addr: { port: number };
}
declare const Deno: {
  args: string[];
  listen(options: {
    hostname: string;
    port: number;
  }): DenoListener;
  serve(
    options: {
      hostname: string;
      port: number;
      onListen(address: { port: number }): void;
    },
    handler: () => Response,
  ): void;
};

async function writeAll(conn: DenoConn, bytes: Uint8Array) {
  let sent = await conn.write(bytes);
  while (sent < bytes.length) sent += await conn.write(bytes.subarray(sent));
}

async function echo(conn: DenoConn) {
  const buffer = new Uint8Array(65536);
  for (;;) {
    const length = await conn.read(buffer);
    if (length === null) break;
    await writeAll(conn, buffer.subarray(0, length));
  }
}

/* The documentation's first example; each chunk has memory of its own. */
async function echoReadable(conn: DenoConn) {
  await conn.readable.pipeTo(conn.writable);
}

async function sink(conn: DenoConn) {
  const buffer = new Uint8Array(65536);
  let count = 0;
  for (;;) {
    const length = await conn.read(buffer);
    if (length === null) break;
    count += length;
  }
  await writeAll(conn, encodeCount(count));
}

const blockAt = makeBlocks();
async function source(conn: DenoConn) {
  for (let position = 0;;) {
    position += await conn.write(blockAt(position));
  }
}

/* What is written while a write is under way waits, so that parts of two
 * messages never mix. */
class Peer {
  readonly #conn: DenoConn;
  #waiting: Uint8Array[] = [];
  #isBusy = false;

  constructor(conn: DenoConn) {
    this.#conn = conn;
  }

  async send(bytes: Uint8Array) {
    this.#waiting.push(bytes);
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      for (;;) {
        const next = this.#waiting.shift();
        if (next === undefined) break;
        await writeAll(this.#conn, next);
      }
    } catch {
      peers.delete(this);
    }
    this.#isBusy = false;
  }
}
const peers = new Set<Peer>();

async function broadcast(conn: DenoConn) {
  const own = new Peer(conn);
  peers.add(own);
  const buffer = new Uint8Array(65536);
  for (;;) {
    const length = await conn.read(buffer);
    if (length === null) break;
    const chunk = buffer.slice(0, length);
    for (const peer of peers) peer.send(chunk);
  }
  peers.delete(own);
}

const address = { hostname: "127.0.0.1", port: 0 };

function announce({ port }: { port: number }) {
  console.log(`listening on 127.0.0.1:${port}`);
}

async function handle(
  conn: DenoConn,
  serve: (conn: DenoConn) => Promise<void>,
) {
  try {
    await serve(conn);
  } catch {
    /* The peer has gone away. */
  }
  try {
    conn.close();
  } catch {
    /* The streams have closed it. */
  }
}

const role = Deno.args.at(-1)!;
if (role === "http") {
  Deno.serve(
    { ...address, onListen: announce },
    () => new Response("Hello, World!"),
  );
} else {
  const roles: Record<string, (conn: DenoConn) => Promise<void>> = {
    echo,
    "echo-readable": echoReadable,
    sink,
    source,
    broadcast,
  };
  const serve = roles[role];
  if (serve === undefined) throw new Error(`no such role: ${role}`);
  const listener = Deno.listen(address);
  announce(listener.addr);
  for await (const conn of listener) handle(conn, serve);
}
