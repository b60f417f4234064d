// Copyright the iocp authors. MIT license.
/* Both ends of a loopback connection, on a port of their own. */

import {
  CompletionPort,
  type Conn,
  type ConnectOptions,
  type ConnOptions,
  type Listener,
  type ListenOptions,
} from "../../mod.ts";
import { within } from "./deadline.ts";

/** A listener and both ends of one connection to it. */
export class Pair implements Disposable {
  readonly port: CompletionPort;
  readonly listener: Listener;
  readonly client: Conn;
  readonly server: Conn;

  constructor(
    port: CompletionPort,
    listener: Listener,
    client: Conn,
    server: Conn,
  ) {
    this.port = port;
    this.listener = listener;
    this.client = client;
    this.server = server;
  }

  /** Closes all that the test has left open. */
  [Symbol.dispose](): void {
    this.port.close();
  }
}

export interface PairOptions extends ConnOptions {
  /** An address of this machine. */
  hostname?: string;
  listen?: Partial<ListenOptions>;
  connect?: Partial<ConnectOptions>;
}

/** Connects a pair. The options apply to both ends. */
export async function pair(options: PairOptions = {}): Promise<Pair> {
  const { listen, connect, hostname = "127.0.0.1", ...both } = options;
  const port = new CompletionPort();
  try {
    const listener = port.listen({ hostname, port: 0, ...both, ...listen });
    const [client, server] = await within(
      "connecting a pair",
      Promise.all([
        port.connect({
          hostname,
          port: listener.addr.port,
          ...both,
          ...connect,
        }),
        listener.accept(),
      ]),
    );
    return new Pair(port, listener, client, server);
  } catch (error) {
    port.close();
    throw error;
  }
}

/** Reads until the peer resets the connection. @returns the error of the read */
export async function readUntilReset(
  conn: Pick<Conn, "read">,
): Promise<unknown> {
  const buffer = new Uint8Array(1024);
  try {
    while (await within("a reset", conn.read(buffer)) !== null);
  } catch (error) {
    return error;
  }
  throw new Error("the connection has ended without a reset");
}
