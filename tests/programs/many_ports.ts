// Copyright the iocp authors. MIT license.
/* Opens 500 ports with an echo server each. Prints whether the runtime's thread
 * pool still works, and whether the servers answer. */

import { lookup } from "node:dns/promises";
import { readFile } from "node:fs/promises";
import { connect as connectPlain } from "node:net";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { CompletionPort, type Conn } from "../../mod.ts";

const PORTS = 500;
/* Long enough for the loop to park. */
const PARKED_MS = 300;

async function echo(conn: Conn): Promise<void> {
  for await (const chunk of conn) await conn.write(chunk);
}

function serve(): number {
  const listener = new CompletionPort().listen({
    hostname: "127.0.0.1",
    port: 0,
  });
  (async () => {
    for await (const conn of listener) echo(conn).catch(() => {});
  })();
  return listener.addr.port;
}

/* Connects with a socket of node:net, so that no call of the module wakes a
 * port. */
function ask(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectPlain(port, "127.0.0.1");
    socket.on("error", reject);
    socket.on("connect", () => socket.write("answer"));
    socket.once("data", (data) => {
      resolve(String(data));
      socket.destroy();
    });
  });
}

const numbers = Array.from({ length: PORTS }, serve);
await new Promise((resolve) => setTimeout(resolve, PARKED_MS));
const path = fileURLToPath(import.meta.url);
console.log(JSON.stringify({
  files: (await Promise.all(Array.from({ length: 8 }, () => readFile(path))))
    .every((bytes) => bytes.length > 0),
  name: (await lookup("localhost")).address.length > 0,
  last: await ask(numbers.at(-1)!),
  first: await ask(numbers[0]!),
}));
process.exit(0);
