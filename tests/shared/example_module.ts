// Copyright the iocp authors. MIT license.
/* The module as the examples in the documentation import it. Their fixed port
 * numbers are replaced: the system chooses the port of a listener, which is
 * printed, and a client connects to the port in IOCP_TEST_PORT. */

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
