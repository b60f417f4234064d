// Copyright the iocp authors. MIT license.

import type { NetAddr } from "../native/address.ts";

/** An address as Node's modules have it. */
export interface NodeAddress {
  address: string;
  family: "IPv4" | "IPv6";
  port: number;
}

/** The same address as Node's modules have it. */
export function nodeAddress({ hostname, port }: NetAddr): NodeAddress {
  const family = hostname.includes(":") ? "IPv6" : "IPv4";
  return { address: hostname, family, port };
}
