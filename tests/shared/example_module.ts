// Copyright the iocp authors. MIT license.
/* The module as examples of documents import it. They have a port of their own:
 * here the system chooses that of a listener, which is printed, and a client
 * connects to the one in IOCP_TEST_PORT. */

import process from "node:process";
import {
  type Conn,
  connect as connectTo,
  type ConnectOptions,
  listen as listenOn,
  type Listener,
  type ListenOptions,
} from "../../mod.ts";

export * from "../../mod.ts";

export function listen(options: ListenOptions): Listener {
  const listener = listenOn({ ...options, port: 0 });
  console.log(`listening on port ${listener.addr.port}`);
  return listener;
}

export function connect(options: ConnectOptions): Promise<Conn> {
  const port = process.env["IOCP_TEST_PORT"] ?? options.port;
  return connectTo({ ...options, port });
}
