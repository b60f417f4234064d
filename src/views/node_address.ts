// Copyright the iocp authors. MIT license.

import type { Addr } from "../native/address.ts";

/** An address in the form of Node's modules. */
export interface NodeAddress {
  address: string;
  family: "IPv4" | "IPv6";
  port: number;
}

/** Converts an address to the form of Node's modules, in which that of a local
 * socket is empty. */
export function nodeAddress(addr: Addr): Partial<NodeAddress> {
  if (addr.transport !== "tcp") return {};
  const { hostname, port } = addr;
  const family = hostname.includes(":") ? "IPv6" : "IPv4";
  return { address: hostname, family, port };
}

/** What a "drop" event says of a connection that was refused: both of its ends. */
export function droppedConnection(
  local: Addr,
  remote: Addr,
): Record<string, unknown> {
  const near = nodeAddress(local);
  const far = nodeAddress(remote);
  return {
    localAddress: near.address,
    localPort: near.port,
    localFamily: near.family,
    remoteAddress: far.address,
    remotePort: far.port,
    remoteFamily: far.family,
  };
}
