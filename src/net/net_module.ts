// Copyright the iocp authors. MIT license.
/* All members of iocp/net in one object, which require() and a default import
 * return. Programs may change its members, as those of node:net. */

import {
  getDefaultAutoSelectFamily,
  getDefaultAutoSelectFamilyAttemptTimeout,
  setDefaultAutoSelectFamily,
  setDefaultAutoSelectFamilyAttemptTimeout,
} from "./auto_select.ts";
import { normalizeArgs } from "./arguments.ts";
import { runtimeNet } from "./node_parts.ts";
import type { NetModule } from "./public_types.ts";
import { createServer, Server } from "./server.ts";
import { connect, Socket } from "./socket.ts";

const { BlockList, SocketAddress, isIP, isIPv4, isIPv6 } = runtimeNet;

/** The members of `iocp/net`. */
export const netModule: NetModule = {
  BlockList,
  Server,
  Socket,
  SocketAddress,
  Stream: Socket,
  _normalizeArgs: normalizeArgs,
  connect,
  createConnection: connect,
  createServer,
  getDefaultAutoSelectFamily,
  getDefaultAutoSelectFamilyAttemptTimeout,
  isIP,
  isIPv4,
  isIPv6,
  setDefaultAutoSelectFamily,
  setDefaultAutoSelectFamilyAttemptTimeout,
} as unknown as NetModule;
