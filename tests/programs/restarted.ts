// Copyright the iocp authors. MIT license.
/* One run of a program that is restarted on the same thread. It listens, has a
 * connection to itself with pending reads and writes, and closes nothing. The
 * first run writes its port number to the file IOCP_TEST_PORT_FILE; later runs
 * listen on the same port. */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { connect, listen } from "../../mod.ts";

const file = process.env["IOCP_TEST_PORT_FILE"]!;
const port = existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
const listener = listen({ hostname: "127.0.0.1", port });
if (port === 0) writeFileSync(file, `${listener.addr.port}`);

let isUp!: () => void;

/** Resolves when everything is open. */
export const up: Promise<void> = new Promise((resolve) => isUp = resolve);

/** Answers each connection with `word`, and leaves it open. */
export async function serve(word: string): Promise<void> {
  const conn = await connect(listener.addr);
  conn.read(new Uint8Array(1)).catch(() => {});
  const server = await listener.accept();
  server.write(new Uint8Array(32 * 1024 * 1024)).catch(() => {});
  console.log(`up ${word} on ${listener.addr.port};`);
  isUp();
  for await (const conn of listener) {
    await conn.write(new TextEncoder().encode(word));
  }
}
