// Copyright the iocp authors. MIT license.
/* Host names through the library, while the thread is blocked: neither runtime
 * has a resolver that blocks. */

import { ADDRESS_BYTES, decodeIp, type IpAddress } from "../native/address.ts";
import { errorOf, numberOf, type SocketErrorOptions } from "../errors.ts";
import { TextEncoder } from "../runtime/globals.ts";
import type { Native } from "../native/symbols.ts";

/** The first addresses of the name, at least one. */
export function resolveSync(
  native: Native,
  hostname: string,
  addressesMax: number,
  context: SocketErrorOptions,
): IpAddress[] {
  const found = tryResolve(native, hostname, addressesMax);
  if (typeof found !== "number") return found;
  throw errorOf(found, { ...context, address: hostname });
}

/** The first addresses of the name, at least one, or a negative error. */
export function tryResolve(
  native: Native,
  hostname: string,
  addressesMax: number,
): IpAddress[] | number {
  const name = new TextEncoder().encode(hostname);
  const found = new Uint8Array(new ArrayBuffer(addressesMax * ADDRESS_BYTES));
  const count = native.iocp_resolve(name, name.length, found, addressesMax);
  if (count <= 0) return count === 0 ? numberOf("ENOTFOUND") : count;
  return Array.from(
    { length: count },
    (_, i) => decodeIp(found.subarray(i * ADDRESS_BYTES)),
  );
}
