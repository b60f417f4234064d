// Copyright the iocp authors. MIT license.
/* Local sockets of the system that runs the test: unix sockets on Linux, named pipes
 * on Windows. */

import { rmSync } from "node:fs";
import process from "node:process";
import {
  CompletionPort,
  type Conn,
  type Listener,
  type PathAddr,
  type PathConnectOptions,
  type PathConnOptions,
  type PathListenOptions,
} from "../../mod.ts";
import { isSettled, within } from "./deadline.ts";

export const isWindows: boolean = process.platform === "win32";

/** What local sockets are here. */
export const transport: PathAddr["transport"] = isWindows ? "pipe" : "unix";

let count = 0;

/** A path that no other test uses. It is short, and in no folder that a test would
 * have to remove. */
export function newPath(): string {
  const name = `iocp-test-${process.pid}-${count++}`;
  return isWindows ? `\\\\.\\pipe\\${name}` : `/tmp/${name}.sock`;
}

/** A listener on a path and both ends of a connection to it. */
export class LocalPair implements Disposable {
  readonly port: CompletionPort;
  readonly listener: Listener<PathAddr>;
  readonly client: Conn<PathAddr>;
  readonly server: Conn<PathAddr>;

  constructor(
    port: CompletionPort,
    listener: Listener<PathAddr>,
    client: Conn<PathAddr>,
    server: Conn<PathAddr>,
  ) {
    this.port = port;
    this.listener = listener;
    this.client = client;
    this.server = server;
  }

  /** Closes all that the test has left open. */
  [Symbol.dispose](): void {
    const { path } = this.listener.addr;
    this.port.close();
    if (!isWindows) rmSync(path, { force: true });
  }
}

export interface LocalPairOptions extends PathConnOptions {
  path?: string;
  listen?: Partial<PathListenOptions>;
  connect?: Partial<PathConnectOptions>;
}

/** Connects a pair. The options apply to both ends. */
export async function localPair(
  options: LocalPairOptions = {},
): Promise<LocalPair> {
  const { listen, connect, path = newPath(), ...both } = options;
  const port = new CompletionPort();
  try {
    const listener = port.listen({ path, ...both, ...listen });
    const [client, server] = await within(
      "connecting a pair",
      Promise.all([
        port.connect({ path, ...both, ...connect }),
        listener.accept(),
      ]),
    );
    return new LocalPair(port, listener, client, server);
  } catch (error) {
    port.close();
    throw error;
  }
}

/** A path that does not answer a connect: its listener never accepts, and has no
 * room for another connection. */
export async function unresponsivePath(
  port: CompletionPort,
): Promise<{ path: string }> {
  const path = newPath();
  port.listen({ path, backlog: 1, acceptPool: 1 });
  /* Linux holds one more than the backlog says; a pipe has one instance. */
  for (let i = isWindows ? 1 : 2; i > 0; i--) {
    await within("a connection", port.connect({ path }));
  }
  const late = port.connect({ path });
  late.catch(() => {});
  if (await isSettled(late)) throw new Error(`${path} has answered`);
  return { path };
}
