// Copyright the iocp authors. MIT license.
/* The addresses of datagrams as users see them, and as the structs of
 * ffi/include/iocp.h. */

import {
  decodeIp,
  encodeAddress,
  formatIp,
  type IpAddress,
} from "../native/address.ts";
import { decodePath, UNIX } from "../native/path.ts";

/** The address of a UDP socket, as in Deno. */
export interface UdpAddr {
  /** Always `"udp"`. */
  transport: "udp";
  /** An IPv4 or IPv6 address, the latter with its zone where it has one. */
  hostname: string;
  /** 0 to 65535. */
  port: number;
}

/** The address of a unix socket of datagrams, as in Deno. */
export interface UnixDatagramAddr {
  /** Always `"unixpacket"`. */
  transport: "unixpacket";
  /**
   * The path of the socket file, or with `"\0"` as its first character an
   * abstract name. A socket without an address has the path `""`.
   */
  path: string;
}

/** The address of a socket of datagrams. */
export type DatagramAddr = UdpAddr | UnixDatagramAddr;

/* Where a struct iocp_path has its bytes. */
const PATH_AT = 4;

/** True for a struct iocp_path. */
export function isUnix(struct: Uint8Array): boolean {
  return struct[0] === UNIX;
}

/** The bytes of the path in a struct iocp_path. */
export function pathOf(struct: Uint8Array): Uint8Array {
  return struct.subarray(PATH_AT, PATH_AT + wordAt(struct, 2));
}

function wordAt(struct: Uint8Array, at: number): number {
  return struct[at]! | struct[at + 1]! << 8;
}

/** Writes a struct iocp_address. With `isMapped` an IPv4 address becomes an IPv6
 * one (RFC 4291, section 2.5.5.2), since a socket of both families has IPv6
 * addresses. */
export function encodeUdp(
  ip: IpAddress,
  port: number,
  isMapped: boolean,
): Uint8Array {
  if (!isMapped || ip.family === 6) return encodeAddress(ip, port);
  const bytes = [...new Array<number>(10).fill(0), 255, 255, ...ip.bytes];
  return encodeAddress({ family: 6, bytes, scope: 0 }, port);
}

/** Reads a struct iocp_address or a struct iocp_path. */
export function decodeStruct(struct: Uint8Array): DatagramAddr {
  if (isUnix(struct)) {
    const { path } = decodePath(struct);
    return { transport: "unixpacket", path };
  }
  return {
    hostname: formatIp(decodeIp(struct)),
    port: wordAt(struct, 2),
    transport: "udp",
  };
}

/** The same of a datagram, whose path does not follow the family at once. */
export function decodeFrom(
  struct: Uint8Array,
  path: Uint8Array,
): DatagramAddr {
  if (!isUnix(struct)) return decodeStruct(struct);
  const whole = new Uint8Array(PATH_AT + path.length);
  whole.set(struct.subarray(0, PATH_AT));
  whole.set(path, PATH_AT);
  return decodeStruct(whole);
}

/** The address as an error has it; empty for one without a name. */
export function errorAddress(
  addr: DatagramAddr,
): { address?: string; port?: number } {
  if (addr.transport === "udp") {
    return { address: addr.hostname, port: addr.port };
  }
  return addr.path === "" ? {} : { address: addr.path };
}
