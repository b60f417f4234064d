// Copyright the iocp authors. MIT license.
/* The sockets of a listener: one for its address, or for "localhost" one of each
 * family, at the same port. */

import {
  encodeAddress,
  type IpAddress,
  isLoopback,
  LOOPBACK,
  type NetAddr,
} from "../native/address.ts";
import {
  ALL_NO_DELAY,
  IPV6_ONLY,
  LOCAL,
  RESET,
  REUSE_PORT,
} from "../native/completion.ts";
import { NotSupported, SocketError } from "../errors.ts";
import type { Loop } from "../loop/loop.ts";
import type { HostListenSettings } from "../options/listen.ts";
import { resolveSync } from "../connect/native_resolver.ts";
import {
  isResolvedPermitted,
  permittedHost,
  requireResolved,
} from "../connect/permission.ts";

/* More addresses of a host name are ignored. */
const ADDRESSES_MAX = 64;
/* How often the system may choose a port that is in use in the other family. */
const TRIES_MAX = 32;
/* The other family is not available on this machine. */
const UNAVAILABLE = new Set(["EAFNOSUPPORT", "EADDRNOTAVAIL", "ENOTSUP"]);

/** Opens the sockets of a listener. The first one has the address that users
 * see. */
export function listenSockets(
  loop: Loop,
  settings: HostListenSettings,
): number[] {
  const [first, ...others] = permittedIps(loop, settings);
  for (let triesLeft = TRIES_MAX;; triesLeft--) {
    const sockets = [open(loop, settings, first!, settings.port)];
    try {
      const { port } = loop.port.address(sockets[0]!, LOCAL) as NetAddr;
      for (const ip of others) openOther(loop, settings, ip, port, sockets);
      return sockets;
    } catch (error) {
      for (const socket of sockets) loop.port.close(socket, RESET, 0);
      const isInUse = error instanceof SocketError &&
        (error.code === "EADDRINUSE" || error.code === "EACCES");
      if (settings.port !== 0 || !isInUse || triesLeft === 0) throw error;
    }
  }
}

function openOther(
  loop: Loop,
  settings: HostListenSettings,
  ip: IpAddress,
  port: number,
  sockets: number[],
): void {
  try {
    sockets.push(open(loop, settings, ip, port));
  } catch (error) {
    if (!(error instanceof SocketError) || !UNAVAILABLE.has(error.code)) {
      throw error;
    }
  }
}

/* The addresses to listen on, at least one. Requires the permissions for them. */
function permittedIps(loop: Loop, settings: HostListenSettings): IpAddress[] {
  const { port } = settings;
  const { native } = loop;
  const host = permittedHost(native, settings, "listen");
  if (typeof host !== "string") return [host];
  const found = resolveSync(native, host, ADDRESSES_MAX, {
    syscall: "getaddrinfo",
    action: "listen on",
  });
  const first = found[0]!;
  requireResolved([first], port);
  if (host !== "localhost" || !found.every(isLoopback)) return [first];
  const isOther = ({ family }: IpAddress) => family !== first.family;
  const other = found.find(isOther) ?? LOOPBACK.find(isOther)!;
  return isResolvedPermitted(other, port) ? [first, other] : [first];
}

function open(
  loop: Loop,
  settings: HostListenSettings,
  ip: IpAddress,
  port: number,
): number {
  const { hostname, backlog, ipv6Only, reusePort, conn } = settings;
  const flags = (ipv6Only ? IPV6_ONLY : 0) | (reusePort ? REUSE_PORT : 0) |
    (conn.noDelay ? ALL_NO_DELAY : 0);
  const result = loop.port.listen(encodeAddress(ip, port), backlog, flags);
  if (result >= 0) return result;
  const error = loop.port.error(result, {
    syscall: "listen",
    address: hostname,
    port,
  });
  if (error.code !== "ENOTSUP") throw error;
  throw new NotSupported(
    "Cannot listen with reusePort: this system has no SO_REUSEPORT, and SO_REUSEADDR of Windows would let any process use the port",
    { cause: error },
  );
}
