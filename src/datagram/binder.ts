// Copyright the iocp authors. MIT license.
/* Makes datagram sockets. */

import { applyDatagramOptions } from "./socket_options.ts";
import { BoundSocket } from "./bound_socket.ts";
import { Destinations, type Reach } from "./destinations.ts";
import { encodeAddress, type IpAddress, LOOPBACK } from "../native/address.ts";
import { permittedPath, structOf } from "../connect/path_access.ts";
import type { UdpAddr, UnixDatagramAddr } from "./address.ts";
import type { Group } from "../loop/group.ts";
import {
  IPV6_ONLY,
  MODE_DEFAULT,
  REPLACE_STALE,
  RESET,
  REUSE_ADDRESS,
  REUSE_PORT,
} from "../native/completion.ts";
import { NotSupported, SocketError } from "../errors.ts";
import type {
  DatagramSettings,
  UdpSettings,
  UnixSettings,
} from "../options/datagram.ts";
import { permittedHost, requireResolved } from "../connect/permission.ts";
import { resolveSync } from "../connect/native_resolver.ts";
import { watchSignal } from "../loop/signal_watch.ts";
import { throwIfAborted } from "../options/signal.ts";
import type { Signal } from "../runtime/web_types.ts";

/** Makes a UDP socket. */
export function bindUdp(
  group: Group,
  settings: UdpSettings,
): BoundSocket<UdpAddr> {
  const { loop } = group;
  throwIfAborted(settings.signal);
  const { hostname, port, ipv6Only, reusePort, reuseAddress } = settings;
  const ip = permittedIp(group, settings);
  const flags = (ipv6Only ? IPV6_ONLY : 0) | (reusePort ? REUSE_PORT : 0) |
    (reuseAddress ? REUSE_ADDRESS : 0);
  const id = loop.datagrams.bind(encodeAddress(ip, port), flags, MODE_DEFAULT);
  if (id < 0) {
    const peer = { syscall: "bind", address: hostname, port };
    throw udpRefusal(loop.port.error(id, peer), settings);
  }
  const reach = ip.family === 4 ? 4 : ipv6Only ? 6 : "both";
  return finish(group, id, settings, reach);
}

/** Makes a unix socket. */
export function bindUnix(
  group: Group,
  settings: UnixSettings,
): BoundSocket<UnixDatagramAddr> {
  const { loop } = group;
  throwIfAborted(settings.signal);
  const { path, mode = MODE_DEFAULT, replaceStale } = settings;
  const addr = { transport: "unix", path } as const;
  /* Without a path it is no file that could be read or written. */
  const permitted = path === "" ? addr : permittedPath(addr);
  const struct = structOf(permitted, "bind");
  const id = loop.datagrams.bind(
    struct,
    replaceStale ? REPLACE_STALE : 0,
    mode,
  );
  if (id < 0) {
    const error = loop.port.error(id, { syscall: "bind", address: path });
    throw error.code === "ENOTSUP"
      ? new NotSupported(
        "Cannot bind a path: Windows has no unix sockets of datagrams",
        { cause: error },
      )
      : error;
  }
  return finish(group, id, settings, "unix");
}

/* The address to bind, whose permission is asked for. */
function permittedIp(group: Group, settings: UdpSettings): IpAddress {
  const { native } = group.loop;
  const { port } = settings;
  const host = permittedHost(native, settings, "bind");
  if (typeof host !== "string") return host;
  const context = { syscall: "getaddrinfo", action: "bind to" };
  const found = host === "localhost"
    ? LOOPBACK
    : resolveSync(native, host, 1, context);
  const first = found[0]!;
  requireResolved([first], port);
  return first;
}

function udpRefusal(error: SocketError, settings: UdpSettings): Error {
  const { hostname, reuseAddress } = settings;
  if (error.code === "ENOTSUP") {
    const reason = reuseAddress
      ? "reuseAddress: Windows binds no address of a group, and with any other one SO_REUSEADDR would let this socket take the datagrams of others"
      : "reusePort: this system has no SO_REUSEPORT, and SO_REUSEADDR of Windows would let any process use the port";
    return new NotSupported(`Cannot bind with ${reason}`, { cause: error });
  }
  if (error.code !== "EINVAL" || !reuseAddress) return error;
  return new TypeError(
    `The "reuseAddress" argument needs a multicast group as the "hostname": got ${
      JSON.stringify(hostname)
    }`,
    { cause: error },
  );
}

function finish<A extends UdpAddr | UnixDatagramAddr>(
  group: Group,
  id: number,
  settings: { signal: Signal | undefined; socket: DatagramSettings },
  reach: Reach,
): BoundSocket<A> {
  const { loop } = group;
  group.join(id);
  try {
    applyDatagramOptions(loop.port, id, settings.socket);
  } catch (error) {
    loop.port.close(id, RESET, 0);
    throw error;
  }
  const destinations = new Destinations(loop.native, reach);
  const socket = new BoundSocket<A>(loop, id, settings.socket, destinations);
  const { signal } = settings;
  if (signal !== undefined) {
    const call = { abort: () => socket.close() };
    const watch = watchSignal(signal, call);
    socket.onReleased(() => watch.remove(call));
  }
  return socket;
}
