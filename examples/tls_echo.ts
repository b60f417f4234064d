// Copyright the iocp authors. MIT license.
// Sends back what it receives over TLS:
//   deno run -A examples/tls_echo.ts --key key.pem --cert cert.pem --port 8443
//   bun examples/tls_echo.ts --key key.pem --cert cert.pem --port 8443
//   openssl s_client -connect 127.0.0.1:8443 -CAfile cert.pem

import { readFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { type Conn, listen } from "iocp";

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    cert: { type: "string", default: "cert.pem" },
    key: { type: "string", default: "key.pem" },
    hostname: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "0" },
  },
});

async function echo(conn: Conn): Promise<void> {
  console.log(`${conn.tls?.protocol}, ${conn.tls?.cipher}`);
  try {
    for await (const chunk of conn) await conn.write(chunk);
  } catch (error) {
    console.error(String(error));
  }
}

const { hostname, port } = values;
const tls = { cert: readFileSync(values.cert), key: readFileSync(values.key) };
const listener = listen({ hostname, port, tls });
console.log(`listening on ${listener.addr.hostname}:${listener.addr.port}`);
for await (const conn of listener) echo(conn);
