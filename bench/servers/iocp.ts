// Copyright the iocp authors. MIT license.
/* This module's echo server, the same file for Deno and Bun. */

import { type Conn, listen } from "../../mod.ts";

async function echo(conn: Conn) {
  for await (const chunk of conn) await conn.write(chunk);
}

const listener = listen({ hostname: "127.0.0.1", port: 0, noDelay: true });
console.log(`listening on 127.0.0.1:${listener.addr.port}`);
for await (const conn of listener) echo(conn);
