// Copyright the iocp authors. MIT license.
/* The addresses of datagrams as users see them, and as the structs of
 * ffi/include/iocp.h. */

import {
  decodeIp,
  encodeAddress,
  formatIp,
  type IpAddress,
} from "../native/address.ts";
import { TextDecoder, TextEncoder } from "../runtime/globals.ts";

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

/** The family of a struct iocp_path, and of a struct iocp_address that a path
 * follows. */
const UNIX = 1;
/** Where a struct iocp_path has its bytes. */
const PATH_OFFSET = 4;
/** The longest path of a struct iocp_path. */
const PATH_MAX = 1020;
/** The size of a struct iocp_path. */
export const PATH_BYTES: number = PATH_OFFSET + PATH_MAX;

/* The file names of Linux are bytes: those that are no UTF-8 become U+FFFD. */
function decodePath(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

/** Writes a struct iocp_path. A path that is too long for it gets its whole
 * length, which the library refuses. */
export function encodeUnix(path: string): Uint8Array {
  const bytes = new TextEncoder().encode(path);
  const struct = new Uint8Array(new ArrayBuffer(PATH_BYTES));
  const view = new DataView(struct.buffer);
  view.setUint16(0, UNIX, true);
  view.setUint16(2, Math.min(bytes.length, 65_535), true);
  struct.set(bytes.subarray(0, PATH_MAX), PATH_OFFSET);
  return struct;
}

/** True for a struct iocp_path. */
export function isUnix(struct: Uint8Array): boolean {
  return struct[0] === UNIX;
}

/** The path in a struct iocp_path. */
export function pathOf(struct: Uint8Array): Uint8Array {
  const length = struct[2]! | struct[3]! << 8;
  return struct.subarray(PATH_OFFSET, PATH_OFFSET + length);
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

/** Reads a struct iocp_address, with the path that follows it. */
export function decodeFrom(
  struct: Uint8Array,
  path: Uint8Array,
): DatagramAddr {
  if (isUnix(struct)) {
    return { transport: "unixpacket", path: decodePath(path) };
  }
  return {
    hostname: formatIp(decodeIp(struct)),
    port: struct[2]! | struct[3]! << 8,
    transport: "udp",
  };
}

/** Reads a struct iocp_address or a struct iocp_path. */
export function decodeStruct(struct: Uint8Array): DatagramAddr {
  return decodeFrom(struct, isUnix(struct) ? pathOf(struct) : struct);
}

/** The address as an error has it. */
export function errorAddress(
  addr: Partial<UdpAddr & UnixDatagramAddr> | undefined,
): { address?: string | undefined; port?: number | undefined } {
  if (addr === undefined) return {};
  return { address: addr.hostname ?? addr.path, port: addr.port };
}
