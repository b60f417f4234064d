// Copyright the iocp authors. MIT license.

// A program as a user writes it, to be installed, bundled and compiled. It has
// no await outside of a function, which some formats of bundles do not allow.

import { type Conn, connect, listen } from "../../mod.ts";

async function echo(conn: Conn): Promise<void> {
  for await (const chunk of conn) await conn.write(chunk);
}

/** Sends something to an echo and reads it back. */
export async function use(): Promise<string> {
  const listener = listen({ hostname: "127.0.0.1", port: 0 });
  const served = listener.accept().then(echo);
  const conn = await connect(listener.addr);
  await conn.write(new TextEncoder().encode("works"));
  let text = "";
  for await (const chunk of conn) {
    text += new TextDecoder().decode(chunk);
    if (text.length >= "works".length) break;
  }
  await served;
  listener.close();
  return text;
}

use().then((text) => console.log(text), (error) => {
  console.error(`${error}`);
  (globalThis as unknown as { process: { exitCode: number } }).process
    .exitCode = 1;
});
