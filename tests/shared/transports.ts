// Copyright the iocp authors. MIT license.
/* The kinds of connections that a test of any connection runs over. */

import assert from "node:assert/strict";
import type {
  CompletionPort,
  Conn,
  Listener,
  PathAddr,
  PathConnOptions,
  ReceiveOptions,
} from "../../mod.ts";
import { within } from "./deadline.ts";
import { localPair } from "./local.ts";
import { pair, readUntilReset } from "./pair.ts";

/** A listener, and both ends of a connection to it. */
export interface Ends extends Disposable {
  readonly port: CompletionPort;
  readonly listener: Listener | Listener<PathAddr>;
  readonly client: Conn | Conn<PathAddr>;
  readonly server: Conn | Conn<PathAddr>;
}

interface Kind {
  readonly name: string;
  /** The options apply to both ends. */
  readonly open: (options?: PathConnOptions) => Promise<Ends>;
}

const modes: ReceiveOptions[] = [
  { mode: "zero-byte" },
  { mode: "flow" },
  { mode: "burst" },
];

/** TCP and local sockets with the default receive mode. */
export const transports: readonly Kind[] = [
  { name: "TCP", open: pair },
  { name: "a local socket", open: localPair },
];

/** The same in each receive mode. */
export const kinds: readonly Kind[] = [
  ...transports,
  ...modes.flatMap((receive) => [
    {
      name: `TCP, ${receive.mode}`,
      open: (options: PathConnOptions = {}) => pair({ receive, ...options }),
    },
    {
      name: `a local socket, ${receive.mode}`,
      open: (options: PathConnOptions = {}) =>
        localPair({ receive, ...options }),
    },
  ]),
];

/** Reads until the peer has reset a connection of this kind. Over a local socket a
 * reset may look like an end. */
export async function assertReset(
  name: string,
  conn: Ends["client"],
): Promise<void> {
  if (name === "TCP") {
    const error = await readUntilReset(conn);
    assert.equal((error as { code?: string }).code, "ECONNRESET");
    return;
  }
  const p = new Uint8Array(1024 * 1024);
  try {
    while (await within("the end", conn.read(p)) !== null);
  } catch (error) {
    assert.ok(error instanceof Error);
  }
}
