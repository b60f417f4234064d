// Copyright the iocp authors. MIT license.
/* IP addresses as text, whose IPv6 zone may be the name of a network
 * interface. */

import {
  formatIp,
  type IpAddress,
  parseIp,
  parseZoned,
} from "../native/address.ts";
import { SocketError, type SocketErrorOptions } from "../errors.ts";
import { nodeModule } from "../runtime/globals.ts";
import type { Native } from "../native/symbols.ts";
import { tryResolve } from "./native_resolver.ts";

interface NodeOs {
  networkInterfaces(): Record<
    string,
    { family: string; scopeid?: number }[] | undefined
  >;
}

/**
 * The IP address that the text is, or undefined when it is a host name.
 *
 * @param permit is called with the address, without its zone, before the system
 * is asked for the number of the zone.
 * @throws {SocketError} `EADDRNOTAVAIL` for a zone that this machine does not
 * have.
 */
export function literalIp(
  native: Native,
  text: string,
  context: SocketErrorOptions,
  permit: (host: string) => void = () => {},
): IpAddress | undefined {
  const ip = parseIp(text);
  if (ip !== undefined) {
    permit(formatIp(ip));
    return ip;
  }
  const zoned = parseZoned(text);
  if (zoned === undefined) return undefined;
  permit(formatIp(zoned.ip));
  const scope = scopeOf(native, zoned.zone);
  if (scope !== undefined) return { ...zoned.ip, scope };
  throw new SocketError("EADDRNOTAVAIL", {
    ...context,
    address: text,
    detail: `this machine has no network interface ${
      JSON.stringify(zoned.zone)
    } with IPv6`,
  });
}

/* The number of a zone. The resolver of Linux knows zones by name; that of
 * Windows may not. */
function scopeOf(native: Native, zone: string): number | undefined {
  const found = tryResolve(native, `fe80::1%${zone}`, 1);
  const scope = typeof found === "number" ? 0 : found[0]!.scope;
  if (scope !== 0) return scope;
  try {
    return nodeModule<NodeOs>("node:os").networkInterfaces()[zone]
      ?.find(({ scopeid }) => scopeid)?.scopeid;
  } catch {
    /* Deno without the "sys" permission. A zone by number needs none. */
    return undefined;
  }
}
