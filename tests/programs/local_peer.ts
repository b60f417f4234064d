// Copyright the iocp authors. MIT license.
/* One end of a connection over the path of its second argument, the "client" or the
 * "server": sends the number of the process at the other end, as conn.peer has it, and
 * waits for the end. */

import process from "node:process";
import { connect, listen } from "../../mod.ts";

const [, , role, path] = process.argv;

async function open() {
  if (role === "client") return await connect({ path: path! });
  const listener = listen({ path: path! });
  console.log("listening");
  return await listener.accept();
}

const conn = await open();
await conn.write(new TextEncoder().encode(String(conn.peer.pid)));
await conn.read(new Uint8Array(1));
process.exit();
