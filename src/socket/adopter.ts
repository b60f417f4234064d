// Copyright the iocp authors. MIT license.
/* Taking over connected sockets that were made elsewhere. */

import { DETACH, DETACHED, LOCAL, PEER } from "../native/completion.ts";
import { ADOPT } from "../native/system_calls.ts";
import { SocketError } from "../errors.ts";
import type { Group } from "../loop/group.ts";
import type { Loop } from "../loop/loop.ts";
import type { ConnSettings } from "../options/conn.ts";
import { runtime } from "../runtime/detect.ts";
import { Socket } from "./socket.ts";

/* What is wrong with the handle, in words. */
const REASONS: Readonly<Record<string, string>> = {
  ENOTSOCK: "it is not a socket",
  ENOTCONN: "it is not a connected stream socket",
  EEXIST: "it is on a completion port already",
};

/* Whoever may not connect to the peer may not take a connection to it. */
function requirePeer(loop: Loop, socket: number): void {
  const { hostname, port } = loop.port.address(socket, PEER);
  /* The peer may have gone meanwhile, and its connection's name with it. */
  loop.port.address(socket, LOCAL);
  runtime.requireNet(hostname, port);
}

/**
 * Takes the socket over. `isDetached`: another port gave it back. What is
 * refused stays the caller's.
 */
export function adoptSocket(
  group: Group,
  handle: number,
  settings: ConnSettings,
  isDetached: boolean,
): Socket {
  const { loop } = group;
  const socket = loop.port.adopt(handle, isDetached ? DETACHED : 0);
  if (socket < 0) {
    const { code, errno } = loop.port.error(socket, ADOPT);
    throw new SocketError(code, {
      ...ADOPT,
      errno,
      detail: `${REASONS[code] ?? "the system refuses it"}: handle ${handle}`,
    });
  }
  group.join(socket);
  try {
    requirePeer(loop, socket);
    return new Socket(loop, socket, settings, "adopted");
  } catch (error) {
    /* The handle is the caller's again. */
    loop.port.close(socket, DETACH, 0);
    throw error;
  }
}
