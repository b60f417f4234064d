// Copyright the iocp authors. MIT license.
/* Host names, through the resolver that the runtime gives its own sockets. */

import { type IpAddress, parseIp } from "./address.ts";
import { SocketError } from "./errors.ts";
import { nodeModule } from "./globals.ts";

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
