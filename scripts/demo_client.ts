// Copyright the iocp authors. MIT license.
// The client of the demo: sends a file through an echo server over many
// connections at once, and checks every byte that comes back by its hash.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import process from "node:process";
import { CompletionPort } from "../mod.ts";

const CONNECTIONS = 50;
const TOTAL_BYTES = 64 * 1024 * 1024;

const port = new CompletionPort();
const prebuilt = new URL("../ffi/prebuilt/", import.meta.url);
const file = new URL("linux_x86_64/libiocp.so", prebuilt);
const bytes = new Uint8Array(readFileSync(file));
const rounds = Math.ceil(TOTAL_BYTES / CONNECTIONS / bytes.length);

/* Sends the file `rounds` times and receives it, both at once. */
async function exchange(): Promise<string> {
  const conn = await port.connect({ port: Number(process.argv[2]) });
  const send = async () => {
    for (let i = 0; i < rounds; i++) await conn.write(bytes);
    await conn.closeWrite();
  };
  const sent = send();
  const hash = createHash("sha256");
  for await (const chunk of conn) hash.update(chunk);
  await sent;
  return hash.digest("hex");
}

const expected = createHash("sha256");
for (let i = 0; i < rounds; i++) expected.update(bytes);
const hash = expected.digest("hex");

const started = performance.now();
const hashes = await Promise.all(Array.from({ length: CONNECTIONS }, exchange));
const seconds = (performance.now() - started) / 1000;
const right = hashes.filter((found) => found === hash).length;
const mib = rounds * bytes.length * CONNECTIONS / 2 ** 20;
const speed =
  `${mib.toFixed(0)} MiB there and back in ${seconds.toFixed(2)} s, ` +
  `${(mib / seconds).toFixed(0)} MiB/s each way`;
const checked = `${right} of ${CONNECTIONS} connections with the right SHA-256`;
console.log(`${speed}, ${checked} (${port.engine}, ${port.libraryPath})`);
process.exitCode = right === CONNECTIONS ? 0 : 1;
