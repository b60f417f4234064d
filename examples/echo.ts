// Copyright the iocp authors. MIT license.
// Sends back what it receives:
//   deno run --allow-ffi --allow-net examples/echo.ts --port 8080
//   bun examples/echo.ts --port 8080

import process from "node:process";
import { parseArgs } from "node:util";
import { type Conn, listen } from "iocp";

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    hostname: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "0" },
  },
});

async function echo(conn: Conn): Promise<void> {
  try {
    for await (const chunk of conn) await conn.write(chunk);
  } catch (error) {
    console.error(String(error));
  }
}

const { hostname, port } = values;
const listener = listen({ hostname, port: Number(port) });
console.log(`listening on ${listener.addr.hostname}:${listener.addr.port}`);
for await (const conn of listener) echo(conn);
