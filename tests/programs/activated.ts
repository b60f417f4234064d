// Copyright the iocp authors. MIT license.
/* A service: prints the listeners that a service manager has made, and sends the
 * number of this process to each connection. */

import process from "node:process";
import { type Addr, inheritedListeners, type Listener } from "../../mod.ts";

const found = inheritedListeners({ closeTimeout: 5_000 });
const shown = found.map(({ name, fd, listener }) => ({
  name,
  fd,
  addr: listener.addr,
}));
const variables = Object.keys(process.env).filter((name) =>
  name.startsWith("LISTEN_")
);
console.log("inherited", JSON.stringify(shown), inheritedListeners().length);
console.log("variables", JSON.stringify(variables));

async function serve(listener: Listener<Addr>): Promise<void> {
  for await (const conn of listener) {
    await conn.write(new TextEncoder().encode(String(process.pid)));
    conn.close();
  }
}
await Promise.all(found.map(({ listener }) => serve(listener)));
