// Copyright the iocp authors. MIT license.
// The client of the demo: sends a file through an echo server over many
// connections at once, checks every byte that comes back by its hash, and
// writes how far it is to standard output, a line of JSON at a time.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import process from "node:process";
import { CompletionPort } from "../../mod.ts";

const [portNumber, file, connections, totalBytes] = process.argv.slice(2);
const port = new CompletionPort();
const bytes = new Uint8Array(readFileSync(file));
const rounds = Math.max(
  1,
  Math.ceil(Number(totalBytes) / Number(connections) / bytes.length),
);
let echoed = 0;

function say(line: Record<string, unknown>): void {
  console.log(JSON.stringify(line));
}

/* Sends the file `rounds` times and takes it back, both at once. */
async function exchange(): Promise<string> {
  const conn = await port.connect({ port: Number(portNumber) });
  const send = async () => {
    for (let i = 0; i < rounds; i++) await conn.write(bytes);
    await conn.closeWrite();
  };
  const sent = send();
  const hash = createHash("sha256");
  for await (const chunk of conn) {
    hash.update(chunk);
    echoed += chunk.length;
  }
  await sent;
  return hash.digest("hex");
}

const expected = createHash("sha256");
for (let i = 0; i < rounds; i++) expected.update(bytes);
const hash = expected.digest("hex");

const total = rounds * bytes.length * Number(connections);
const timer = setInterval(() => say({ echoed, total }), 100);
const started = performance.now();
const hashes = await Promise.all(
  Array.from({ length: Number(connections) }, exchange),
);
const seconds = (performance.now() - started) / 1000;
clearInterval(timer);
say({
  echoed,
  total,
  seconds,
  wrong: hashes.filter((found) => found !== hash).length,
  engine: port.engine,
  library: port.libraryPath,
});
