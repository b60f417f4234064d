// Copyright the iocp authors. MIT license.
/* Multicast groups that a socket joins and leaves. */

import { encodeAddress, type IpAddress, parseIp } from "../native/address.ts";
import type { BoundSocket } from "./bound_socket.ts";
import type { DatagramAddr } from "./address.ts";
import { interfaceIndex } from "./network_interface.ts";
import { NotSupported } from "../errors.ts";
import { requireOptions, wrongType } from "../options/validate.ts";

/** Which datagrams of a multicast group a socket receives. */
export interface MembershipOptions {
  /**
   * The network interface that receives them: its index, its name, or one of its
   * addresses. 0 leaves the choice to the system.
   *
   * @default the zone of the group, or 0
   */
  interface?: number | string | undefined;
  /**
   * Only what this IP address sends (RFC 4607, "source-specific multicast"). A
   * socket may join a group once for each source.
   */
  source?: string | undefined;
}

/* The codes of a system without the calls for groups. */
const MISSING = new Set(["ENOPROTOOPT", "ENOTSUP"]);
const NO_GROUPS =
  "this system has no MCAST_JOIN_SOURCE_GROUP; Windows has it, and Wine 10 has not";

/** Joins or leaves a group. */
export function changeMembership(
  socket: BoundSocket<DatagramAddr>,
  group: string,
  options: MembershipOptions,
  joins: boolean,
): void {
  const action = `${joins ? "join" : "leave"} the multicast group ${group}`;
  if (socket.isClosed) throw socket.closedError("setsockopt", action);
  if (socket.isUnix) {
    throw new NotSupported(`Cannot ${action}: a unix socket has none`);
  }
  const ip = requireGroup(group);
  requireOptions(options);
  const { interface: where = ip.scope, source } = options;
  const { loop, id } = socket;
  const index = interfaceIndex(loop, "interface", where);
  const from = source === undefined
    ? null
    : encodeAddress(requireSource(source, ip), 0);
  const struct = encodeAddress(ip, 0);
  const result = loop.datagrams.membership(id, struct, from, index, joins);
  if (result >= 0) return;
  const error = loop.port.error(result, { syscall: "setsockopt", action });
  throw MISSING.has(error.code)
    ? new NotSupported(`Cannot ${action}: ${NO_GROUPS}`, { cause: error })
    : error;
}

function requireGroup(value: unknown): IpAddress {
  const ip = typeof value === "string" ? parseIp(value) : undefined;
  const first = ip?.bytes[0];
  const isGroup = ip?.family === 4
    ? first! >= 224 && first! < 240
    : first === 255;
  if (!isGroup) {
    wrongType("group", "the IP address of a multicast group", value);
  }
  return ip!;
}

function requireSource(value: unknown, group: IpAddress): IpAddress {
  const ip = typeof value === "string" ? parseIp(value) : undefined;
  if (ip?.family !== group.family) {
    wrongType("source", "an IP address of the group's family", value);
  }
  return ip;
}
