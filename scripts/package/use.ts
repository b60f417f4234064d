// Copyright the iocp authors. MIT license.

// A program as a user writes it, to be installed, bundled and compiled. It has
// no await outside of a function, which some formats of bundles do not allow.

import { connect, listen } from "../../mod.ts";

/** Sends something from one end of a connection to the other. */
export async function use(): Promise<string> {
  const listener = listen({ hostname: "127.0.0.1", port: 0 });
  const [conn, peer] = await Promise.all([
    connect(listener.addr),
    listener.accept(),
  ]);
  await conn.write(new Uint8Array(3));
  const count = await peer.read(new Uint8Array(10));
  conn.close();
  peer.close();
  listener.close();
  if (count !== 3) throw new Error(`${count} bytes have come`);
  return "works";
}

use().then((text) => console.log(text), (error) => {
  console.error(error);
  (globalThis as unknown as { process: { exitCode: number } }).process
    .exitCode = 1;
});
