// Copyright the iocp authors. MIT license.
/* The socket of a listener that was made elsewhere. */

import { ALL_NO_DELAY, DETACHED, LOCAL, RESET } from "../native/completion.ts";
import type { Addr } from "../native/address.ts";
import { ADOPT_LISTENER } from "../native/system_calls.ts";
import { SocketError } from "../errors.ts";
import { permittedPath } from "../connect/path_access.ts";
import type { Group } from "../loop/group.ts";
import type { Loop } from "../loop/loop.ts";
import {
  type HandleListenOptions,
  type HandleListenSettings,
  handleListenSettings,
  requireListenHandle,
} from "../options/handle.ts";
import type { AdoptedListenSettings } from "../options/listen.ts";
import { ENOTSUP, notSupported, numbersOf } from "../options/native_options.ts";
import { runtime } from "../runtime/detect.ts";
import { refuseTaken, takeSocket } from "./passing.ts";

/* The errors for a handle that cannot be adopted. */
const REASONS: Readonly<Record<string, string>> = {
  ENOTSOCK: "it is not a socket",
  EINVAL: "it does not listen for streams",
  EAFNOSUPPORT: "its addresses are neither those of IP nor paths",
  EEXIST: "it is on a completion port already",
  ENOTSUP: "it was made without WSA_FLAG_OVERLAPPED",
};

/* Requires the permission to listen at the address, since the socket gives the
 * same access. */
function requireAddress(addr: Addr): void {
  if (addr.transport === "tcp") runtime.requireNet(addr.hostname, addr.port);
  else if (addr.path === "") runtime.requireAnyPath("");
  else permittedPath(addr);
}

/** The settings of a socket of the loop that listens already: `tcp`, or those of a
 * local socket if it is one. Throws without the permission for its address. */
export function settingsOfListener(
  loop: Loop,
  id: number,
  options: HandleListenOptions,
  tcp: HandleListenSettings,
): HandleListenSettings {
  const addr = loop.port.address(id, LOCAL);
  requireAddress(addr);
  return addr.transport === "tcp" ? tcp : handleListenSettings(options, "unix");
}

function setBacklog(loop: Loop, id: number, backlog: number): void {
  for (const [native, value] of numbersOf("backlog", backlog)) {
    const result = loop.port.setOption(id, native, value);
    if (result === ENOTSUP) throw notSupported("backlog");
    if (result < 0) throw loop.port.error(result, { syscall: "listen" });
  }
}

/**
 * Adds a listening socket to the loop. If the library refuses it, it is still the
 * caller's; after another error it is closed.
 */
export function adoptListener(
  group: Group,
  options: HandleListenOptions,
): AdoptedListenSettings {
  const given = requireListenHandle(options);
  /* Those of TCP, which most are; a wrong option throws before anything else. */
  const tcp = handleListenSettings(options, "tcp");
  group.requireOpen("listen");
  const { loop } = group;
  const isTaken = typeof given !== "number";
  const handle = isTaken ? takeSocket(loop, given) : given;
  const flags = (tcp.conn.noDelay ? ALL_NO_DELAY : 0) |
    (isTaken ? DETACHED : 0);
  const id = loop.port.adoptListener(handle, flags);
  if (id < 0) {
    const { code, errno } = loop.port.error(id, ADOPT_LISTENER);
    if (isTaken) refuseTaken(loop, handle, code);
    throw new SocketError(code, {
      ...ADOPT_LISTENER,
      errno,
      detail: `${REASONS[code] ?? "the system refuses it"}: handle ${handle}`,
    });
  }
  try {
    const settings = settingsOfListener(loop, id, options, tcp);
    const { givenBacklog } = settings;
    if (givenBacklog !== undefined) setBacklog(loop, id, givenBacklog);
    return { ...settings, id };
  } catch (error) {
    loop.port.close(id, RESET, 0);
    throw error;
  }
}
