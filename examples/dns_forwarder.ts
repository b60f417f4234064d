// Copyright the iocp authors. MIT license.
// Forwards DNS queries to a server, and its answers to the clients:
//   deno run --allow-ffi --allow-net examples/dns_forwarder.ts --port 5300
//   bun examples/dns_forwarder.ts --port 5300 --server 9.9.9.9
// Try it with: dig @127.0.0.1 -p 5300 example.com

import { randomInt } from "node:crypto";
import process from "node:process";
import { parseArgs } from "node:util";
import { bind, type UdpAddr } from "iocp";

const HEADER_BYTES = 12;
const ANSWER_TIMEOUT_MS = 5_000;

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    hostname: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "0" },
    server: { type: "string", default: "1.1.1.1" },
    "server-port": { type: "string", default: "53" },
  },
});

/** A query without an answer: where it came from, and its id there. */
type Query = { addr: Readonly<UdpAddr>; id: number; sentAt: number };

const { hostname, port, server } = values;
const clients = bind({ hostname, port });
/* Connected, so that only the server can answer. */
const upstream = bind({
  hostname: server.includes(":") ? "::" : "0.0.0.0",
  onError: (error) => console.error(String(error)),
});
const serverPort = Number(values["server-port"]);
await upstream.connect({ hostname: server, port: serverPort });
console.log(`listening on ${clients.addr.hostname}:${clients.addr.port}`);

/* By the id that the server gets, since clients may use the same one; in the order
 * in which they were sent. */
const queries = new Map<number, Query>();

function idOf(message: Uint8Array): number {
  return message[0]! << 8 | message[1]!;
}

function setId(message: Uint8Array, id: number): void {
  message[0] = id >> 8;
  message[1] = id & 255;
}

function forgetOldQueries(): void {
  for (const [id, { sentAt }] of queries) {
    if (performance.now() - sentAt < ANSWER_TIMEOUT_MS) break;
    queries.delete(id);
  }
}

async function forwardAnswers(): Promise<void> {
  for await (const { data } of upstream) {
    const query = queries.get(idOf(data));
    if (data.length < HEADER_BYTES || query === undefined) continue;
    queries.delete(idOf(data));
    setId(data, query.id);
    clients.send(data, query.addr).catch(() => {});
  }
}

forwardAnswers();
for await (const { data, addr } of clients) {
  forgetOldQueries();
  if (data.length < HEADER_BYTES || queries.size > 30_000) continue;
  let id = randomInt(65_536);
  while (queries.has(id)) id = randomInt(65_536);
  queries.set(id, { addr, id: idOf(data), sentAt: performance.now() });
  setId(data, id);
  upstream.send(data).catch((error) => console.error(String(error)));
}
