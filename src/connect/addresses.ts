// Copyright the iocp authors. MIT license.
/* The addresses that a connect() tries. */

import { type IpAddress, LOOPBACK } from "../native/address.ts";
import { SocketError } from "../errors.ts";
import { literalIp } from "./literal_ip.ts";
import type { Native } from "../native/symbols.ts";
import { resolveSync } from "./native_resolver.ts";
import type { ConnectSettings } from "../options/connect.ts";
import {
  isResolvedPermitted,
  permittedHost,
  requireResolved,
} from "./permission.ts";
import { resolve } from "./resolver.ts";
import { wrongType } from "../options/validate.ts";

/* More addresses of one name are not tried. */
const ADDRESSES_MAX = 64;

/**
 * The addresses of the host, at least one.
 *
 * @throws the runtime's own error when the user refuses the permission.
 */
export async function findAddresses(
  native: Native,
  settings: ConnectSettings,
): Promise<readonly IpAddress[]> {
  const { port } = settings;
  const host = permittedHost(native, settings, "connect");
  if (typeof host !== "string") return [host];
  if (host === "localhost") return loopbackAddresses(port);
  const found = await resolve(native, host, port);
  requireResolved(found, port);
  return found;
}

/** The same, while the thread is blocked. */
export function findAddressesSync(
  native: Native,
  settings: ConnectSettings,
): readonly IpAddress[] {
  const { port } = settings;
  const host = permittedHost(native, settings, "connect");
  if (typeof host !== "string") return [host];
  if (host === "localhost") return loopbackAddresses(port);
  const context = { syscall: "getaddrinfo", action: "connect to", port };
  const found = resolveSync(native, host, ADDRESSES_MAX, context);
  requireResolved(found, port);
  return found;
}

/* "localhost" needs no resolver (RFC 6761, section 6.3), so it is as fast as an
 * address. The runtime's own calls may use only the IPv4 address, so a refused
 * permission for the IPv6 one is not an error. */
function loopbackAddresses(port: number): readonly IpAddress[] {
  const [v4, v6] = LOOPBACK;
  requireResolved([v4!], port);
  return isResolvedPermitted(v6!, port) ? [v4!, v6!] : [v4!];
}

/** The address of the `localAddress` option. */
export function localIp(
  native: Native,
  localAddress: string | undefined,
): IpAddress | undefined {
  if (localAddress === undefined) return undefined;
  const ip = literalIp(native, localAddress, { syscall: "connect" });
  if (ip === undefined) {
    wrongType("localAddress", "an IP address", localAddress);
  }
  return ip;
}

/**
 * The addresses that the options allow, at least one.
 *
 * @throws {SocketError} `EAFNOSUPPORT` if none has the family of `localAddress`.
 */
export function usableAddresses(
  settings: ConnectSettings,
  local: IpAddress | undefined,
  found: readonly IpAddress[],
): readonly IpAddress[] {
  const usable = local === undefined
    ? found
    : found.filter(({ family }) => family === local.family);
  if (usable.length === 0) {
    throw new SocketError("EAFNOSUPPORT", {
      syscall: "connect",
      address: settings.hostname,
      port: settings.port,
      detail: "no address of the family of localAddress",
    });
  }
  return settings.attemptDelay === undefined ? usable.slice(0, 1) : usable;
}
