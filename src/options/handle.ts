// Copyright the iocp authors. MIT license.
/* The options of listen() with a socket that listens already. */

import { NotSupported } from "../errors.ts";
import { isWindows } from "../runtime/detect.ts";
import {
  type AddressFilter,
  NO_FILTER,
  optionalFilter,
} from "./address_filter.ts";
import { type ConnSettings, connSettings } from "./conn.ts";
import type { ListenerShare } from "./share.ts";
import { deferredTimeout, type ListenOptions } from "./listen.ts";
import { checkOptions, checkPathOptions, type Settings } from "./settings.ts";
import {
  refuseOthers,
  requireBytes,
  requireInteger,
  requireOptions,
} from "./validate.ts";

/** Options of {@linkcode listen} for a socket that listens already; accepted
 * connections inherit those of connections. */
export interface HandleListenOptions extends
  Omit<
    ListenOptions,
    | "port"
    | "hostname"
    | "path"
    | "transport"
    | "ipv6Only"
    | "reusePort"
    | "fd"
    | "handle"
    | "ticket"
    | "share"
  > {
  /** On Linux, the file descriptor of the socket. On Windows it throws
   * {@linkcode NotSupported}. */
  fd?: number | undefined;
  /** On Windows, the SOCKET. On Linux it throws {@linkcode NotSupported}. */
  handle?: number | undefined;
  /** What `listener.pass()` has returned in another process, for the address of
   * {@linkcode inboxAddress} in this thread. */
  ticket?: Uint8Array | undefined;
  /** What `listener.share()` has returned in another thread of this process. The
   * listener is then a part of that one, which hands its connections out. */
  share?: ListenerShare | undefined;
  /**
   * See {@linkcode ListenOptions.backlog}. On Windows, where a listener keeps that
   * of its maker, it throws {@linkcode NotSupported}.
   *
   * @default that of its maker
   */
  backlog?: number | undefined;
}

/** {@linkcode HandleListenOptions}, checked. */
export interface HandleListenSettings extends Settings<"listen"> {
  /** Undefined leaves that of the maker. */
  readonly givenBacklog: number | undefined;
  readonly blockList: AddressFilter | undefined;
  readonly conn: ConnSettings;
}

/** A SOCKET has the size of a pointer, and whole numbers up to this are exact. A
 * descriptor of Linux is an int. */
export const HANDLE_MAX: number = isWindows
  ? Number.MAX_SAFE_INTEGER
  : 2 ** 31 - 1;
/** The maker of a listening socket has decided these. */
export const OF_THE_MAKER: readonly string[] = [
  "port",
  "hostname",
  "path",
  "transport",
  "ipv6Only",
  "reusePort",
  "mode",
  "access",
  "replaceStale",
];

/** Whether the options are those of a socket that listens already. */
export function isForHandle(options: object): options is HandleListenOptions {
  requireOptions(options);
  const { fd, handle, ticket } = options as HandleListenOptions;
  return fd !== undefined || handle !== undefined || ticket !== undefined;
}

/** Checks the socket that a user passed to listen(): a ticket or a handle. */
export function requireListenHandle(
  options: HandleListenOptions,
): Uint8Array | number {
  const others = options as Readonly<Record<string, unknown>>;
  const { fd, handle, ticket } = options;
  if (ticket !== undefined) {
    refuseOthers(others, "ticket", ["fd", "handle", ...OF_THE_MAKER]);
    return requireBytes("ticket", ticket);
  }
  const name = fd === undefined ? "handle" : "fd";
  const number = requireInteger(name, fd ?? handle, 0, HANDLE_MAX);
  const [other, reason] = isWindows
    ? ["fd", "a socket of Windows is a handle"]
    : ["handle", "a socket of Linux is a file descriptor, fd"];
  if (others[other!] !== undefined) {
    throw new NotSupported(`Cannot listen with ${other}: ${reason}`);
  }
  refuseOthers(others, name, OF_THE_MAKER);
  return number;
}

function handleFilter(
  { blockList }: HandleListenOptions,
  isTcp: boolean,
): AddressFilter | undefined {
  if (isTcp || blockList === undefined) {
    return optionalFilter("blockList", blockList);
  }
  throw new NotSupported(NO_FILTER);
}

/** Checks the other options, for the transport that the socket has. */
export function handleListenSettings(
  options: HandleListenOptions,
  transport: "tcp" | "unix",
): HandleListenSettings {
  const isTcp = transport === "tcp";
  const checked = isTcp
    ? checkOptions("listen", options)
    : checkPathOptions("listen", options);
  const isGiven = options.backlog !== undefined ||
    options.tcpBacklog !== undefined;
  return {
    ...checked,
    firstByteTimeout: deferredTimeout(options, checked),
    ipv6Only: undefined,
    reusePort: undefined,
    givenBacklog: isGiven ? checked.backlog : undefined,
    blockList: handleFilter(options, isTcp),
    conn: isTcp ? connSettings(options) : connSettings(options, transport),
  };
}
