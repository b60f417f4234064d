// Copyright the iocp authors. MIT license.
/* Hands a socket that the system made, connected to the port of its argument,
 * to a completion port, and says what came of it. */

import process from "node:process";
import { CompletionPort } from "../../mod.ts";
import { closeSocket, connectSocket } from "../shared/os_socket.ts";

const port = new CompletionPort();
const handle = connectSocket(Number(process.argv[2]));
for (const take of ["addSocket", "adopt"] as const) {
  try {
    if (take === "addSocket") port.addSocket(handle);
    else port.adopt({ handle });
    console.log(`${take}: taken`);
    break;
  } catch (error) {
    console.log(`${take}: ${(error as Error).name}`);
  }
  /* What is refused is given back in a turn of the loop. */
  while (port.stats().sockets > 0) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
if (port.stats().sockets === 0) closeSocket(handle);
port.close();
