// Copyright the iocp authors. MIT license.
/* Addresses as text, and as the 24 bytes of a struct iocp_address
 * (ffi/include/iocp.h). Those that are paths are in path.ts. */

import { URL } from "../runtime/globals.ts";
import { formatHost } from "../errors.ts";
import { decodePath, type PathAddr, PIPE, shownPath, UNIX } from "./path.ts";

/** The address of one end of a TCP connection, as in Deno. */
export interface NetAddr {
  /** Always `"tcp"`. */
  transport: "tcp";
  /** An IPv4 or IPv6 address, the latter with its zone where it has one. */
  hostname: string;
  /** 0 to 65535. */
  port: number;
}

/** The address of one end of a connection, of any transport. */
export type Addr = NetAddr | PathAddr;

/** The size of a struct iocp_address. */
export const ADDRESS_BYTES = 24;

/** The longest host name (RFC 1035 section 2.3.4), without a dot at its end. */
const HOSTNAME_MAX = 253;

/** An IP address as numbers. */
export interface IpAddress {
  family: 4 | 6;
  bytes: readonly number[];
  scope: number;
}

function parseIpv4(text: string): number[] | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  const bytes: number[] = [];
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) {
      return undefined;
    }
    bytes.push(Number(part));
  }
  return bytes;
}

/* The groups on one side of "::", as bytes. With `isTail` the last one may be an
 * IPv4 address. */
function parseGroups(text: string, isTail: boolean): number[] | undefined {
  if (text === "") return [];
  const groups = text.split(":");
  const bytes: number[] = [];
  for (const [index, group] of groups.entries()) {
    if (isTail && index === groups.length - 1 && group.includes(".")) {
      const tail = parseIpv4(group);
      if (tail === undefined) return undefined;
      bytes.push(...tail);
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(group)) return undefined;
      const value = parseInt(group, 16);
      bytes.push(value >> 8, value & 255);
    }
  }
  return bytes;
}

function parseIpv6(text: string): number[] | undefined {
  const [before = "", after, ...rest] = text.split("::");
  if (rest.length > 0) return undefined;
  const head = parseGroups(before, after === undefined);
  const tail = after === undefined ? [] : parseGroups(after, true);
  if (head === undefined || tail === undefined) return undefined;
  const gap = 16 - head.length - tail.length;
  /* "::" stands for at least one group. */
  if (after === undefined ? gap !== 0 : gap < 2) return undefined;
  return [...head, ...new Array<number>(gap).fill(0), ...tail];
}

/** Parses an IP address; undefined for any other text. A zone must be a number. */
export function parseIp(text: string): IpAddress | undefined {
  const v4 = parseIpv4(text);
  if (v4 !== undefined) return { family: 4, bytes: v4, scope: 0 };
  const parts = parseZone(text);
  if (parts === undefined) return undefined;
  const { ip, zone } = parts;
  if (zone === undefined) return ip;
  /* Only the system knows the names of zones. */
  return IS_ZONE_NUMBER.test(zone) ? { ...ip, scope: Number(zone) } : undefined;
}

const IS_ZONE_NUMBER = /^\d{1,9}$/;

/** Parses an IPv6 address whose zone is a name, as the address without its zone
 * and that name; undefined for any other text. */
export function parseZoned(
  text: string,
): { ip: IpAddress; zone: string } | undefined {
  const { ip, zone } = parseZone(text) ?? {};
  if (ip === undefined || !zone || IS_ZONE_NUMBER.test(zone)) return undefined;
  return { ip, zone };
}

function parseZone(
  text: string,
): { ip: IpAddress; zone: string | undefined } | undefined {
  const bare = /^\[.*\]$/.test(text) ? text.slice(1, -1) : text;
  const [host = "", zone, ...rest] = bare.split("%");
  if (rest.length > 0) return undefined;
  const bytes = parseIpv6(host!);
  if (bytes === undefined) return undefined;
  return { ip: { family: 6, bytes, scope: 0 }, zone };
}

/** The loopback addresses, one of each family. */
export const LOOPBACK: readonly IpAddress[] = [
  { family: 4, bytes: [127, 0, 0, 1], scope: 0 },
  { family: 6, bytes: [...new Array<number>(15).fill(0), 1], scope: 0 },
];

/** True for 127.0.0.0/8 and ::1. */
export function isLoopback({ family, bytes }: IpAddress): boolean {
  return family === 4
    ? bytes[0] === 127
    : bytes.every((byte, i) => byte === (i === 15 ? 1 : 0));
}

/** Writes a struct iocp_address. */
export function encodeAddress(ip: IpAddress, port: number): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(ADDRESS_BYTES));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, ip.family, true);
  view.setUint16(2, port, true);
  view.setUint32(4, ip.scope, true);
  bytes.set(ip.bytes, 8);
  return bytes;
}

/* RFC 5952: the longest run of at least two zero groups becomes "::". */
function formatIpv6(bytes: readonly number[]): string {
  const view = new DataView(Uint8Array.from(bytes).buffer);
  const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(2 * i));
  if (
    groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
  ) {
    return `::ffff:${bytes.slice(12, 16).join(".")}`;
  }
  let best = { start: 0, length: 0 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  const hex = groups.map((group) => group.toString(16));
  if (best.length < 2) return hex.join(":");
  const head = hex.slice(0, best.start).join(":");
  const tail = hex.slice(best.start + best.length).join(":");
  return `${head}::${tail}`;
}

/** Reads the IP address of a struct iocp_address. */
export function decodeIp(bytes: Uint8Array): IpAddress {
  const view = new DataView(bytes.buffer, bytes.byteOffset, ADDRESS_BYTES);
  const family = view.getUint16(0, true) === 4 ? 4 : 6;
  const host = bytes.subarray(8, family === 4 ? 12 : ADDRESS_BYTES);
  return { family, bytes: [...host], scope: view.getUint32(4, true) };
}

/** Reads a struct iocp_address or a struct iocp_path. */
export function decodeAddress(bytes: Uint8Array): Addr {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const family = view.getUint16(0, true);
  if (family === UNIX || family === PIPE) return decodePath(bytes);
  return {
    hostname: formatIp(decodeIp(bytes)),
    port: view.getUint16(2, true),
    transport: "tcp",
  };
}

/** The address as an error has it; empty for one without a name. */
export function errorAddress(
  addr: Addr,
): { address?: string; port?: number } {
  if (addr.transport === "tcp") {
    return { address: addr.hostname, port: addr.port };
  }
  return addr.path === "" ? {} : { address: addr.path };
}

/** The address as text: "host:port", or the path. */
export function formatAddress(addr: Addr): string {
  return addr.transport === "tcp"
    ? formatHost(addr.hostname, addr.port)
    : shownPath(addr.path);
}

/** The text of an IP address. */
export function formatIp(ip: IpAddress): string {
  if (ip.family === 4) return ip.bytes.join(".");
  const zone = ip.scope === 0 ? "" : `%${ip.scope}`;
  return formatIpv6(ip.bytes) + zone;
}

/** The host name as in DNS: lower case, Unicode in Punycode, no dot at its end. */
export function asciiHostname(hostname: string): string {
  try {
    const ascii = new URL(`http://${hostname}`).hostname.replace(/\.$/, "");
    /* A URL accepts underscores and the like. It would remove other characters,
     * which no host name has; nor has it empty labels. */
    if (
      !/[/?#@\\:\s]/.test(hostname) && !ascii.split(".").includes("") &&
      ascii.length <= HOSTNAME_MAX
    ) {
      return ascii;
    }
  } catch {
    /* The error below has a better message. */
  }
  throw new TypeError(
    `The "hostname" argument must be a host name: got ${
      JSON.stringify(hostname)
    }`,
  );
}
