// Copyright the iocp authors. MIT license.

import { wrongType } from "./validate.ts";

/** Decides which addresses are blocked. A `BlockList` of `node:net` is one. */
export interface AddressFilter {
  /**
   * Returns true for an address that is blocked. When it throws, the address is
   * blocked too, and `listener.lastError` is the error.
   *
   * @param address an IP address without a zone: `"192.0.2.7"`, `"2001:db8::7"`. An
   * IPv4 address that a listener on `"::"` reports as `"::ffff:192.0.2.7"` is
   * passed as `"192.0.2.7"`.
   * @param family of the address.
   */
  check(address: string, family: "ipv4" | "ipv6"): boolean;
}

/** Why a local socket has none. */
export const NO_FILTER =
  "Cannot set blockList: the clients of a local socket have no IP address";

/** A filter, or undefined when there is none. It is recognized by its member. */
export function optionalFilter(
  name: string,
  value: unknown,
): AddressFilter | undefined {
  if (value === undefined) return undefined;
  const filter = value as Partial<AddressFilter> | null;
  const isFilter = typeof filter === "object" && filter !== null &&
    typeof filter.check === "function";
  if (!isFilter) wrongType(name, "a BlockList", value);
  return filter as AddressFilter;
}
