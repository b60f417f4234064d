// Copyright the iocp authors. MIT license.

import { encodeAddress } from "../native/address.ts";
import { literalIp } from "../connect/literal_ip.ts";
import type { Loop } from "../loop/loop.ts";
import { requireInteger, wrongType } from "../options/validate.ts";

/** The greatest index of an interface. */
const INDEX_MAX = 2 ** 31 - 1;

/**
 * The index of a network interface that is given by its index, its name or one of
 * its addresses. 0, as which the unspecified addresses count too, leaves the
 * choice to the system.
 *
 * @throws {SocketError} `EADDRNOTAVAIL` when this machine has no such interface.
 */
export function interfaceIndex(
  loop: Loop,
  name: string,
  value: unknown,
): number {
  if (typeof value === "number") {
    return requireInteger(name, value, 0, INDEX_MAX);
  }
  if (typeof value !== "string" || value === "" || value.includes("\0")) {
    wrongType(name, "the index, name or address of a network interface", value);
  }
  const context = { syscall: "setsockopt", action: "join a multicast group" };
  const ip = literalIp(loop.native, value, context);
  if (ip === undefined) {
    /* As the zone of an address it is a name. */
    return literalIp(loop.native, `fe80::1%${value}`, context)!.scope;
  }
  if (ip.bytes.every((byte) => byte === 0)) return 0;
  const index = loop.datagrams.interfaceIndex(encodeAddress(ip, 0));
  if (index >= 0) return index;
  throw loop.port.error(index, { ...context, address: value });
}
