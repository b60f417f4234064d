// Copyright the iocp authors. MIT license.
/* Connected sockets that were created elsewhere. */

import { DETACH, DETACHED, LOCAL, PEER, RESET } from "../native/completion.ts";
import type { Addr } from "../native/address.ts";
import { ADOPT } from "../native/system_calls.ts";
import { SocketError } from "../errors.ts";
import { permittedPath } from "../connect/path_access.ts";
import type { PathAddr } from "../native/path.ts";
import type { Group } from "../loop/group.ts";
import type { Loop } from "../loop/loop.ts";
import { type ConnOptions, connSettings } from "../options/conn.ts";
import { runtime } from "../runtime/detect.ts";
import { refuseTaken, takeSocket } from "./passing.ts";
import { Socket } from "./socket.ts";

/* The error for a handle that cannot be adopted. */
const REASONS: Readonly<Record<string, string>> = {
  ENOTSOCK: "it is not a socket",
  ENOTCONN: "it is not a connected stream socket",
  EEXIST: "it is on a completion port already",
};

/* Requires the permission to connect to the peer, since an adopted socket gives
 * the same access. Returns the local address. */
function requirePeer(loop: Loop, id: number): Addr {
  const peer = loop.port.address(id, PEER);
  /* This fails if the connection was reset meanwhile. */
  const local = loop.port.address(id, LOCAL);
  if (peer.transport === "tcp") runtime.requireNet(peer.hostname, peer.port);
  else requireOneOf([peer, local as PathAddr]);
  return local;
}

/* The end that has connected to a path has usually no name, and those of
 * socketpair() have none. */
function requireOneOf(ends: readonly PathAddr[]): void {
  const named = ends.find(({ path }) => path !== "");
  if (named !== undefined) permittedPath(named);
  else runtime.requireAnyPath("");
}

/**
 * Adds the socket of a handle to the loop, which owns the handle from then on. If
 * it throws, the handle is still the caller's. `isDetached`: the handle is from a
 * detach.
 */
export function adoptSocket(
  group: Group,
  given: number | Uint8Array,
  options: ConnOptions,
  isDetached: boolean,
): Socket {
  /* Those of TCP, which most are; a wrong option throws before anything else. */
  const settings = connSettings(options);
  group.requireOpen(ADOPT.syscall, ADOPT.action);
  const { loop } = group;
  const isTaken = typeof given !== "number";
  const handle = isTaken ? takeSocket(loop, given) : given;
  const id = loop.port.adopt(handle, isDetached ? DETACHED : 0);
  if (id < 0) {
    const { code, errno } = loop.port.error(id, ADOPT);
    if (isTaken) refuseTaken(loop, handle, code);
    throw new SocketError(code, {
      ...ADOPT,
      errno,
      detail: `${REASONS[code] ?? "the system refuses it"}: handle ${handle}`,
    });
  }
  group.join(id);
  try {
    const local = requirePeer(loop, id);
    const socket = new Socket(
      loop,
      id,
      local.transport === "tcp"
        ? settings
        : connSettings(options, local.transport),
      "adopted",
    );
    socket.rememberAddress(LOCAL, local);
    return socket;
  } catch (error) {
    /* A handle is still the caller's. That of a ticket is not known to the
     * caller. */
    loop.port.close(id, isTaken ? RESET : DETACH, 0);
    throw error;
  }
}
