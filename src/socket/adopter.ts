// Copyright the iocp authors. MIT license.
/* Connected sockets that were created elsewhere. */

import { DETACH, DETACHED, LOCAL, PEER } from "../native/completion.ts";
import type { NetAddr } from "../native/address.ts";
import { ADOPT } from "../native/system_calls.ts";
import { SocketError } from "../errors.ts";
import type { Group } from "../loop/group.ts";
import type { Loop } from "../loop/loop.ts";
import type { ConnSettings } from "../options/conn.ts";
import { runtime } from "../runtime/detect.ts";
import { Socket } from "./socket.ts";

/* The error for a handle that cannot be adopted. */
const REASONS: Readonly<Record<string, string>> = {
  ENOTSOCK: "it is not a socket",
  ENOTCONN: "it is not a connected stream socket",
  EEXIST: "it is on a completion port already",
};

/* Requires the permission to connect to the peer, since an adopted socket gives
 * the same access. Returns the local address. */
function requirePeer(loop: Loop, id: number): NetAddr {
  const { hostname, port } = loop.port.address(id, PEER);
  /* This fails if the connection was reset meanwhile. */
  const local = loop.port.address(id, LOCAL);
  runtime.requireNet(hostname, port);
  return local;
}

/**
 * Adds the socket of a handle to the loop, which owns the handle from then on. If
 * it throws, the handle is still the caller's. `isDetached`: the handle is from a
 * detach.
 */
export function adoptSocket(
  group: Group,
  handle: number,
  settings: ConnSettings,
  isDetached: boolean,
): Socket {
  const { loop } = group;
  const id = loop.port.adopt(handle, isDetached ? DETACHED : 0);
  if (id < 0) {
    const { code, errno } = loop.port.error(id, ADOPT);
    throw new SocketError(code, {
      ...ADOPT,
      errno,
      detail: `${REASONS[code] ?? "the system refuses it"}: handle ${handle}`,
    });
  }
  group.join(id);
  try {
    const local = requirePeer(loop, id);
    const socket = new Socket(loop, id, settings, "adopted");
    socket.rememberAddress(LOCAL, local);
    return socket;
  } catch (error) {
    /* The handle is still the caller's. */
    loop.port.close(id, DETACH, 0);
    throw error;
  }
}
