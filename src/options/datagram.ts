// Copyright the iocp authors. MIT license.
/* The options of datagram sockets. */

import { NotSupported, type SocketError } from "../errors.ts";
import {
  checkOption,
  checkOptions,
  checkPathOptions,
  type Settings,
} from "./settings.ts";
import { optionalSignal } from "./signal.ts";
import {
  optionalBoolean,
  optionalInteger,
  requireDatagramTransport,
  requireHostname,
  requireOptions,
  requirePath,
  requirePort,
  wrongType,
} from "./validate.ts";
import type { Signal } from "../runtime/web_types.ts";

/** Options of a datagram socket that can be changed while it is open. */
export interface DatagramOptions {
  /**
   * Allows sending to broadcast addresses (`SO_BROADCAST`), which fails with
   * `EACCES` otherwise.
   *
   * @default {false}
   */
  broadcast?: boolean | undefined;
  /**
   * How many routers may forward a datagram to one receiver, from 1 to 255:
   * `IP_TTL`, and the hop limit of IPv6.
   *
   * @default the system's, mostly 64 on Linux and 128 on Windows
   */
  ttl?: number | undefined;
  /**
   * The same for datagrams to multicast groups, from 0 to 255. With 0 they do not
   * leave this machine, with 1 not its networks.
   *
   * @default {1}
   */
  multicastTtl?: number | undefined;
  /**
   * Delivers what is sent to a multicast group to members on this machine as well
   * (`IP_MULTICAST_LOOP`). On Linux the sender's option decides, on Windows that
   * of the receiver (`IPPROTO_IP` socket options).
   *
   * @default {true}
   */
  multicastLoop?: boolean | undefined;
  /**
   * The index of the network interface that sends to multicast groups, from 0 to
   * 2,147,483,647. With 0 the system chooses it.
   *
   * @default {0}
   */
  multicastInterface?: number | undefined;
  /**
   * Bytes of datagrams that the system holds until they are received, from 1 to
   * 1,073,741,823 (`SO_RCVBUF`); what comes when it is full is lost. The system
   * may use less: Linux at most `net.core.rmem_max`. Linux counts its own memory,
   * which is more than the data: at least 576 bytes for each datagram.
   *
   * @default the system's, mostly 212,992 on Linux and 65,536 on Windows
   */
  systemReceiveBuffer?: number | undefined;
  /**
   * The same for datagrams that are sent, from 1 to 1,073,741,823 (`SO_SNDBUF`).
   *
   * @default the system's, mostly 212,992 on Linux and 65,536 on Windows
   */
  systemSendBuffer?: number | undefined;
  /**
   * Passes several datagrams of one peer through the system's network stack as
   * one: those that arrive with equal lengths (`UDP_GRO`), and those of one
   * `sendMany()` that have the same destination and length (`UDP_SEGMENT`). They
   * are received, and leave the machine, one by one. It makes many datagrams of
   * one peer cheaper, and is of no use for datagrams of many peers. Windows, and
   * Linux before 5.0, throw {@linkcode NotSupported}.
   *
   * @default {false}
   */
  offload?: boolean | undefined;
}

/** Options of every datagram socket. */
export interface CommonBindOptions {
  /** Closes the socket when it aborts. */
  signal?: Signal | undefined;
  /**
   * Called with each error that the network reports for an earlier datagram, such
   * as `ECONNREFUSED`, unless it rejects a pending `receive()`. These errors end
   * neither the socket nor its loops. Linux reports them only to a socket that is
   * connected.
   */
  onError?: ((error: SocketError) => void) | undefined;
}

/** Options of {@linkcode bind} for UDP. */
export interface BindOptions extends DatagramOptions, CommonBindOptions {
  /**
   * From 0 to 65,535; 0 lets the system choose. It may be the text of a number,
   * as in an environment variable.
   *
   * @default {0}
   */
  port?: number | string | undefined;
  /**
   * An IP address or host name of this machine. `"::"` is for IPv4 as well, whose
   * addresses then look like `"::ffff:192.0.2.1"`. If a name has several
   * addresses, the first is used. The zone of an IPv6 address may be the number
   * or the name of a network interface.
   *
   * @default {"0.0.0.0"}
   */
  hostname?: string | undefined;
  /**
   * Makes an IPv6 socket receive nothing from IPv4 (`IPV6_V6ONLY`).
   *
   * @default {false}
   */
  ipv6Only?: boolean | undefined;
  /**
   * Shares the address with other sockets of the same user that have this option
   * too (`SO_REUSEPORT`): each peer's datagrams go to one of them. On Windows it
   * throws {@linkcode NotSupported}.
   *
   * @default {false}
   */
  reusePort?: boolean | undefined;
  /**
   * Shares the address of a multicast group with other sockets that have this
   * option too (`SO_REUSEADDR`): each of them receives every datagram. Only the
   * address of a group is accepted as `hostname`, because with any other one this
   * socket would take the datagrams of the others. On Windows it throws
   * {@linkcode NotSupported}.
   *
   * @default {false}
   */
  reuseAddress?: boolean | undefined;
  /**
   * Only `"udp"`, without a `path`.
   *
   * @default {"udp"}
   */
  transport?: "udp" | undefined;
}

/** Options of {@linkcode bind} for a unix socket (Linux). */
export interface BindPathOptions
  extends
    Pick<DatagramOptions, "systemReceiveBuffer" | "systemSendBuffer">,
    CommonBindOptions {
  /** The path of the socket file, which the close removes; with `"\0"` as its
   * first character an abstract name. `""` is a socket without an address, which
   * can only send. */
  path: string;
  /**
   * The permission bits of the socket file, from 0 to 511 (0o777).
   *
   * @default the system's: 0o777 without the bits of the umask
   */
  mode?: number | undefined;
  /**
   * Replaces a socket file that no socket belongs to any more.
   *
   * @default {false}
   */
  replaceStale?: boolean | undefined;
  /**
   * Only `"unixpacket"`, with a `path`.
   *
   * @default {"unixpacket"}
   */
  transport?: "unixpacket" | undefined;
}

/** The options of a datagram socket as they are in force. One that the socket does
 * not have, or that the system cannot report, is undefined. */
export interface DatagramOptionsInForce {
  /** See {@linkcode DatagramOptions.broadcast}. */
  broadcast: boolean | undefined;
  /** See {@linkcode DatagramOptions.ttl}. */
  ttl: number | undefined;
  /** See {@linkcode DatagramOptions.multicastTtl}. */
  multicastTtl: number | undefined;
  /** See {@linkcode DatagramOptions.multicastLoop}. */
  multicastLoop: boolean | undefined;
  /** See {@linkcode DatagramOptions.multicastInterface}. */
  multicastInterface: number | undefined;
  /** In bytes; see {@linkcode DatagramOptions.systemReceiveBuffer}. */
  systemReceiveBuffer: number | undefined;
  /** In bytes; see {@linkcode DatagramOptions.systemSendBuffer}. */
  systemSendBuffer: number | undefined;
  /** See {@linkcode DatagramOptions.offload}. */
  offload: boolean | undefined;
}

/** {@linkcode DatagramOptions}, checked, with the defaults filled in. */
export interface DatagramSettings extends Settings<"datagram"> {
  readonly onError: ((error: SocketError) => void) | undefined;
}

/** {@linkcode BindOptions}, checked. */
export interface UdpSettings {
  readonly port: number;
  readonly hostname: string;
  readonly ipv6Only: boolean;
  readonly reusePort: boolean;
  readonly reuseAddress: boolean;
  readonly signal: Signal | undefined;
  readonly socket: DatagramSettings;
}

/** {@linkcode BindPathOptions}, checked. */
export interface UnixSettings {
  readonly path: string;
  /** Undefined leaves it to the system. */
  readonly mode: number | undefined;
  readonly replaceStale: boolean;
  readonly signal: Signal | undefined;
  readonly socket: DatagramSettings;
}

/** True for the options of a unix socket. */
export function hasPath(
  options: BindOptions | BindPathOptions,
): options is BindPathOptions {
  requireOptions(options);
  return (options as Partial<BindPathOptions>).path !== undefined ||
    options.transport === "unixpacket";
}

/** Checks what a user passed to bind() for UDP. */
export function udpSettings(options: BindOptions): UdpSettings {
  requireDatagramTransport(options.transport, "udp");
  const { reuseAddress } = options;
  return {
    port: options.port === undefined ? 0 : requirePort(options.port, 0),
    hostname: requireHostname("hostname", options.hostname ?? "0.0.0.0"),
    ipv6Only: checkOption("ipv6Only", options.ipv6Only) as boolean,
    reusePort: checkOption("reusePort", options.reusePort) as boolean,
    reuseAddress: optionalBoolean("reuseAddress", reuseAddress, false),
    signal: optionalSignal(options.signal),
    socket: {
      ...checkOptions("datagram", options),
      onError: requireOnError(options),
    },
  };
}

/** Checks what a user passed to bind() for a unix socket. */
export function unixSettings(options: BindPathOptions): UnixSettings {
  requireDatagramTransport(options.transport, "unixpacket");
  refusePortOptions(options);
  const { mode, replaceStale } = options;
  return {
    path: requirePath("path", options.path),
    mode: mode === undefined
      ? undefined
      : optionalInteger("mode", mode, 0, 0o777, 0),
    replaceStale: optionalBoolean("replaceStale", replaceStale, false),
    signal: optionalSignal(options.signal),
    socket: {
      ...checkPathOptions("datagram", options),
      onError: requireOnError(options),
    },
  };
}

/* What an address that is a path does not have. */
const OF_PORTS = ["port", "hostname", "ipv6Only", "reusePort", "reuseAddress"];

function refusePortOptions(options: object): void {
  const given = options as Readonly<Record<string, unknown>>;
  for (const key of OF_PORTS) {
    if (given[key] === undefined) continue;
    throw new NotSupported(
      `Cannot set ${key}: the address of a unix socket is a path`,
    );
  }
}

function requireOnError({ onError }: CommonBindOptions) {
  if (onError !== undefined && typeof onError !== "function") {
    wrongType("onError", "a function", onError);
  }
  return onError;
}
