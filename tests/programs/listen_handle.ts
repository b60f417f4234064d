// Copyright the iocp authors. MIT license.
/* Listens with a socket that listens already, and prints the error. */

import process from "node:process";
import { listen } from "../../mod.ts";
import { listenSocket } from "../shared/os_socket.ts";

const { handle } = listenSocket();
try {
  const key = process.platform === "win32" ? "handle" : "fd";
  using _listener = listen({ [key]: handle });
  console.log("listening");
} catch (error) {
  const { name, message } = error as Error;
  console.log(`${name}: ${message}`);
}
