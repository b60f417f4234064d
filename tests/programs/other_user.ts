// Copyright the iocp authors. MIT license.
/* Becomes another user of Linux and connects to the paths of its arguments. Prints
 * "connected" or the code of the error for each. */

import process from "node:process";
import { connect, type SocketError } from "../../mod.ts";
import { openLibrary } from "../shared/ffi.ts";

/** The user "nobody". */
const OTHER = 65534;

const { seteuid } = openLibrary<{ seteuid(id: number): number }>("libc.so.6", {
  seteuid: { parameters: ["i32"], result: "i32" },
});
if (seteuid(OTHER) !== 0) throw new Error("seteuid() has failed");
for (const path of process.argv.slice(2)) {
  try {
    const conn = await connect({ path, timeout: 10_000 });
    await conn.write(new Uint8Array(1));
    await conn.read(new Uint8Array(1));
    conn.close();
    console.log("connected");
  } catch (error) {
    console.log((error as SocketError).code);
  }
}
