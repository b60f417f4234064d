// Copyright the iocp authors. MIT license.
/* The kinds of connections that a test of any connection runs over. */

import type {
  Conn,
  Listener,
  PathAddr,
  PathConnOptions,
  ReceiveOptions,
} from "../../mod.ts";
import { localPair } from "./local.ts";
import { pair } from "./pair.ts";

/** A listener, and both ends of a connection to it. */
export interface Ends extends Disposable {
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
