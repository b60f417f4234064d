// Copyright the iocp authors. MIT license.
/* Adds a socket that the system's functions have connected to the port or the path
 * of the argument to a completion port, and prints the results. */

import process from "node:process";
import { CompletionPort } from "../../mod.ts";
import {
  closeSocket,
  connectSocket,
  connectUnixSocket,
} from "../shared/os_socket.ts";

const port = new CompletionPort();
const target = process.argv[2]!;
const handle = target.startsWith("/")
  ? connectUnixSocket(target)
  : connectSocket(Number(target));
for (const method of ["addSocket", "adopt"] as const) {
  try {
    if (method === "addSocket") port.addSocket(handle);
    else port.adopt({ handle });
    console.log(`${method}: adopted`);
    break;
  } catch (error) {
    console.log(`${method}: ${(error as Error).name}`);
  }
  /* The port releases a refused socket in a later turn of the event loop. */
  while (port.stats().sockets > 0) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
if (port.stats().sockets === 0) closeSocket(handle);
port.close();
