// Copyright the iocp authors. MIT license.
/* Host names, through the resolver that the runtime gives its own sockets, or,
 * for calls that block, through the library. */

import { ADDRESS_BYTES, decodeIp, type IpAddress, parseIp } from "./address.ts";
import {
  errorOf,
  numberOf,
  SocketError,
  type SocketErrorOptions,
} from "./errors.ts";
import { nodeModule, WebTextEncoder } from "./globals.ts";
import type { Native } from "./symbols.ts";

interface DnsAddress {
  address: string;
  family: number;
}
interface NodeDns {
  promises: {
    lookup(
      hostname: string,
      options: { all: true; order: "verbatim"; port: number },
    ): Promise<DnsAddress[]>;
  };
}

/** Every address of the name, in the resolver's order; never none. */
export async function resolve(
  hostname: string,
  port: number,
): Promise<IpAddress[]> {
  let found: DnsAddress[];
  try {
    /* Deno grants a look-up for the port that the name was permitted for. */
    found = await nodeModule<NodeDns>("node:dns").promises.lookup(
      hostname,
      { all: true, order: "verbatim", port },
    );
  } catch (cause) {
    throw notFound(hostname, port, cause);
  }
  const addresses = found
    .map(({ address }) => parseIp(address))
    .filter((ip) => ip !== undefined);
  if (addresses.length === 0) throw notFound(hostname, port, undefined);
  return addresses;
}

/** The first addresses of the name, never none, while the thread waits:
 * neither runtime has a resolver that blocks. */
export function resolveSync(
  native: Native,
  hostname: string,
  addressesMax: number,
  about: SocketErrorOptions,
): IpAddress[] {
  const name = new WebTextEncoder().encode(hostname);
  const found = new Uint8Array(new ArrayBuffer(addressesMax * ADDRESS_BYTES));
  const count = native.iocp_resolve(name, name.length, found, addressesMax);
  if (count <= 0) {
    const code = count === 0 ? numberOf("ENOTFOUND") : count;
    throw errorOf(code, { ...about, address: hostname });
  }
  return Array.from(
    { length: count },
    (_, i) => decodeIp(found.subarray(i * ADDRESS_BYTES)),
  );
}

function notFound(
  hostname: string,
  port: number,
  cause: unknown,
): SocketError {
  return new SocketError("ENOTFOUND", {
    syscall: "connect",
    address: hostname,
    port,
    cause,
  });
}
