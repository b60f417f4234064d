// Copyright the iocp authors. MIT license.
/* Host names through the resolver that the runtime uses for its own sockets. */

import type { IpAddress } from "../native/address.ts";
import { isCode, SocketError } from "../errors.ts";
import { literalIp } from "./literal_ip.ts";
import { nodeModule } from "../runtime/globals.ts";
import { runtime } from "../runtime/detect.ts";
import type { Native } from "../native/symbols.ts";

interface DnsAddress {
  address: string;
  family: number;
}
/** `lookup()` of `node:dns`. */
export type Lookup = (
  hostname: string,
  options: { all: true; order: "verbatim"; port: number },
  callback: (error: Error | null, found: DnsAddress[]) => void,
) => void;

/* The codes of the runtimes' resolvers (getaddrinfo, c-ares), by the code that a
 * SocketError has for them. iocp_resolve() maps the system's in the same way. */
const CODES = new Map(
  Object.entries({
    ENOTFOUND: [
      "ENODATA",
      "ENONAME",
      "EBADNAME",
      "EAI_NONAME",
      "EAI_NODATA",
      "EAI_ADDRFAMILY",
    ],
    EAI_AGAIN: ["ESERVFAIL", "ECONNREFUSED"],
    EAI_FAIL: ["EREFUSED", "ENOTIMP", "EFORMERR", "EBADRESP"],
    ETIMEDOUT: ["ETIMEOUT"],
    ENOMEM: ["EAI_MEMORY"],
    ECANCELED: ["ECANCELLED", "EDESTRUCTION", "EAI_CANCELED"],
    EAFNOSUPPORT: ["EAI_FAMILY", "EBADFAMILY"],
    EACCES: ["EPERM"],
  }).flatMap(([code, names]) => names.map((name) => [name, code])),
);

function codeOf(cause: unknown): string {
  const { code } = (cause ?? {}) as { code?: unknown };
  /* Older releases of Bun write "DNS_ENOTFOUND". */
  const name = String(code).replace(/^DNS_/, "");
  return CODES.get(name) ?? (isCode(name) ? name : "EAI_FAIL");
}

/* The form with a callback, because Deno checks it for the given port alone:
 * dns.promises.lookup() requires a permission for all ports of the name. */
const systemLookup: Lookup = (hostname, options, callback) =>
  nodeModule<{ lookup: Lookup }>("node:dns").lookup(
    hostname,
    options,
    callback,
  );

/** All addresses of the name, at least one, in the resolver's order. Tests bring
 * their own `lookup`. */
export async function resolve(
  native: Native,
  hostname: string,
  port: number,
  lookup: Lookup = systemLookup,
): Promise<IpAddress[]> {
  const context = {
    syscall: "getaddrinfo",
    action: "connect to",
    address: hostname,
    port,
  };
  let found: DnsAddress[];
  try {
    found = await new Promise((resolve, reject) =>
      lookup(
        hostname,
        { all: true, order: "verbatim", port },
        (error, found) => error ? reject(error) : resolve(found),
      )
    );
  } catch (cause) {
    if (runtime.isPermissionError(cause)) throw cause;
    throw new SocketError(codeOf(cause), { ...context, cause });
  }
  const addresses = found
    .map(({ address }) => literalIp(native, address, context))
    .filter((ip) => ip !== undefined);
  if (addresses.length === 0) throw new SocketError("ENOTFOUND", context);
  return addresses;
}
