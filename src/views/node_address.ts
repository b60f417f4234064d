// Copyright the iocp authors. MIT license.

import type { NetAddr } from "../native/address.ts";

/** An address in the form of Node's modules. */
export interface NodeAddress {
  address: string;
  family: "IPv4" | "IPv6";
  port: number;
}

/** Converts an address to the form of Node's modules. */
export function nodeAddress({ hostname, port }: NetAddr): NodeAddress {
  const family = hostname.includes(":") ? "IPv6" : "IPv4";
  return { address: hostname, family, port };
}
