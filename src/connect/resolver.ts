// Copyright the iocp authors. MIT license.
/* Host names, through the resolver that the runtime gives its own sockets, or,
 * for calls that block, through the library; and the names of IPv6 zones. */

import {
  ADDRESS_BYTES,
  decodeIp,
  formatIp,
  type IpAddress,
  parseIp,
  parseZoned,
} from "../native/address.ts";
import {
  errorOf,
  isCode,
  numberOf,
  SocketError,
  type SocketErrorOptions,
} from "../errors.ts";
import { nodeModule, TextEncoder } from "../runtime/globals.ts";
import { runtime } from "../runtime/detect.ts";
import type { Native } from "../native/symbols.ts";

interface DnsAddress {
  address: string;
  family: number;
}
/** The look-up of `node:dns`. */
export type Lookup = (
  hostname: string,
  options: { all: true; order: "verbatim"; port: number },
  callback: (error: Error | null, found: DnsAddress[]) => void,
) => void;
interface NodeOs {
  networkInterfaces(): Record<
    string,
    { family: string; scopeid?: number }[] | undefined
  >;
}

/* What the resolvers of the runtimes (getaddrinfo, c-ares) call a failure, by
 * the code that it has here. iocp_resolve() makes the same of the system's. */
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

/* Deno grants the call with a callback for the port that a name was permitted
 * for; dns.promises.lookup() wants the name with every port. */
const systemLookup: Lookup = (hostname, options, callback) =>
  nodeModule<{ lookup: Lookup }>("node:dns").lookup(
    hostname,
    options,
    callback,
  );

/** Every address of the name, in the resolver's order; never none. Tests bring
 * a look-up of their own. */
export async function resolve(
  native: Native,
  hostname: string,
  port: number,
  lookup: Lookup = systemLookup,
): Promise<IpAddress[]> {
  const about = { syscall: "connect", address: hostname, port };
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
    if (runtime.isRefusal(cause)) throw cause;
    throw new SocketError(codeOf(cause), { ...about, cause });
  }
  const addresses = found
    .map(({ address }) => literalIp(native, address, about))
    .filter((ip) => ip !== undefined);
  if (addresses.length === 0) throw new SocketError("ENOTFOUND", about);
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
  const found = resolveNow(native, hostname, addressesMax);
  if (typeof found !== "number") return found;
  throw errorOf(found, { ...about, address: hostname });
}

/* The addresses, or the negative number of an error. */
function resolveNow(
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

/**
 * The IP address that the text is, or undefined when it is a name. A zone may be
 * the name of a network interface, about which the system is asked, after
 * `permit` has had the address.
 */
export function literalIp(
  native: Native,
  text: string,
  about: SocketErrorOptions,
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
    ...about,
    address: text,
    detail: `this machine has no network interface ${
      JSON.stringify(zoned.zone)
    } with IPv6`,
  });
}

/* The number of a zone. The resolver of Linux knows the names, that of Windows
 * need not. */
function scopeOf(native: Native, zone: string): number | undefined {
  const found = resolveNow(native, `fe80::1%${zone}`, 1);
  const scope = typeof found === "number" ? 0 : found[0]!.scope;
  if (scope !== 0) return scope;
  try {
    return nodeModule<NodeOs>("node:os").networkInterfaces()[zone]
      ?.find(({ scopeid }) => scopeid)?.scopeid;
  } catch {
    /* Deno without the permission for it; numbers need none. */
    return undefined;
  }
}
