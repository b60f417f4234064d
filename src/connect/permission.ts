// Copyright the iocp authors. MIT license.
/* The network permission, which is requested as for the runtime's own calls: first
 * for the host in the options, then for the addresses that it resolves to. */

import { asciiHostname, formatIp, type IpAddress } from "../native/address.ts";
import { literalIp } from "./literal_ip.ts";
import type { Native } from "../native/symbols.ts";
import { runtime } from "../runtime/detect.ts";

/** A host as the options have it. */
export interface Host {
  readonly hostname: string;
  readonly port: number;
}

/**
 * The IP address that the host is, or the name to resolve, in ASCII.
 *
 * @throws the runtime's own error when the user refuses the permission.
 */
export function permittedHost(
  native: Native,
  { hostname, port }: Host,
  syscall: string,
): IpAddress | string {
  const permit = (host: string) => runtime.requireNet(host, port);
  const ip = literalIp(native, hostname, { syscall, port }, permit);
  if (ip !== undefined) return ip;
  const name = asciiHostname(hostname);
  permit(name);
  return name;
}

/** Throws the runtime's own error when the user forbids one of the addresses
 * that a permitted name resolved to. */
export function requireResolved(
  addresses: readonly IpAddress[],
  port: number,
): void {
  for (const address of addresses) {
    runtime.requireNetResolved(formatIp(address), port);
  }
}

/** Whether the user permits an optional address, one that the runtime's own calls
 * would not use. */
export function isResolvedPermitted(ip: IpAddress, port: number): boolean {
  try {
    requireResolved([ip], port);
    return true;
  } catch {
    return false;
  }
}
