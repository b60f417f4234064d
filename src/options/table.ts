// Copyright the iocp authors. MIT license.
/* Every socket option, as one list: its values, its default, and what implements
 * it. Checks, settings and tests follow from the list. The documented interfaces
 * are in conn.ts, listen.ts, connect.ts and datagram.ts; a test compares their types
 * with it. */

/** Where the option applies: every connection, a listener, a call of connect(),
 * or a datagram socket. */
export type Scope = "conn" | "listen" | "connect" | "datagram";

/** A number of an option that is an object. */
export interface Member {
  /** Its number in ffi/include/iocp_option.h, if it has one. */
  readonly native?: number;
  readonly min: number;
  readonly max: number;
}

/** A socket option. */
export interface Option {
  readonly scope: Scope;
  readonly kind:
    | "boolean"
    | "integer"
    | "milliseconds"
    | "keepAlive"
    | "receive";
  /** The bounds of a number. */
  readonly min?: number;
  readonly max?: number;
  /** The value when it is left out; undefined leaves it to the system. */
  readonly default?: boolean | number | undefined;
  /** Another name that users may give it. */
  readonly alias?: string;
  /** The members of an object. */
  readonly members?: Readonly<Record<string, Member>>;
  /** Its number in ffi/include/iocp_option.h. Without one, the module implements
   * the option. */
  readonly native?: number;
  /** What implements it; a system may not support its options. */
  readonly owner?: "system" | "library";
  /** The value of a new socket, if it is not the default. */
  readonly initial?: boolean | number;
  /** The library gives the listener's value to accepted connections. */
  readonly isInherited?: boolean;
  /** Why some systems do not support it, for the message; all support an option
   * without it. */
  readonly unsupported?: string;
  /** Of an option of TCP or UDP: why a local socket, whose address is a path, does not
   * have it, for the message. */
  readonly tcpOnly?: string;
  /** A socket that was made elsewhere keeps its own, which the system does not
   * report. */
  readonly isOfMaker?: true;
}

export const OPTIONS = {
  allowHalfOpen: { scope: "conn", kind: "boolean", default: false },
  noDelay: {
    scope: "conn",
    kind: "boolean",
    default: true,
    native: 1,
    owner: "system",
    initial: false,
    isInherited: true,
    tcpOnly: "a local socket sends each write at once",
  },
  keepAlive: {
    scope: "conn",
    kind: "keepAlive",
    default: false,
    native: 2,
    owner: "system",
    members: {
      idle: { native: 3, min: 1, max: 32_767 },
      interval: { native: 4, min: 1, max: 32_767 },
      count: { native: 5, min: 1, max: 127 },
    },
    tcpOnly: "the system reports the end of a local peer by itself",
  },
  userTimeout: {
    scope: "conn",
    kind: "milliseconds",
    min: 1,
    max: 2_147_483_647,
    default: undefined,
    native: 13,
    owner: "system",
    unsupported: "this Windows has no TCP_MAXRT",
    tcpOnly: "a local peer acknowledges nothing",
  },
  dscp: {
    scope: "conn",
    kind: "integer",
    min: 0,
    max: 63,
    default: 0,
    native: 14,
    owner: "system",
    unsupported: "Windows ignores the code point that a program sets",
    tcpOnly: "a local socket sends no packets",
  },
  closeTimeout: {
    scope: "conn",
    kind: "milliseconds",
    min: 0,
    max: 2_147_483_647,
    default: 30_000,
  },
  receive: {
    scope: "conn",
    kind: "receive",
    owner: "library",
    isInherited: true,
    members: {
      bufferSize: { native: 6, min: 1, max: 1_048_576 },
      depth: { native: 7, min: 1, max: 64 },
      limit: { min: 1, max: 1_073_741_824 },
    },
  },
  sendConcurrency: {
    scope: "conn",
    kind: "integer",
    min: 1,
    max: 64,
    default: 1,
    native: 8,
    owner: "library",
    isInherited: true,
  },
  writableHighWaterMark: {
    scope: "conn",
    kind: "integer",
    min: 1,
    max: 1_073_741_824,
    default: 65_536,
  },
  slowAfter: {
    scope: "conn",
    kind: "milliseconds",
    min: 1,
    max: 2_147_483_647,
    default: 5_000,
  },
  backlog: {
    scope: "listen",
    kind: "integer",
    alias: "tcpBacklog",
    min: 1,
    max: 65_535,
    default: 511,
    native: 11,
    owner: "library",
    unsupported:
      "Windows never makes the backlog of a listener smaller, and a socket that was made elsewhere keeps its own",
    isOfMaker: true,
  },
  acceptPool: {
    scope: "listen",
    kind: "integer",
    min: 1,
    max: 1_024,
    default: 32,
  },
  deferAccept: {
    scope: "listen",
    kind: "boolean",
    default: false,
    native: 9,
    owner: "library",
    tcpOnly:
      "a local connection is made without packets that could be deferred",
  },
  firstByteTimeout: {
    scope: "listen",
    kind: "milliseconds",
    min: 0,
    max: 2_147_483_647,
    default: 0,
    native: 10,
    owner: "library",
  },
  maxConnections: {
    scope: "listen",
    kind: "integer",
    min: 0,
    max: 2_147_483_647,
    default: 0,
  },
  acceptRate: {
    scope: "listen",
    kind: "integer",
    min: 0,
    max: 1_000_000,
    default: 0,
  },
  ipv6Only: {
    scope: "listen",
    kind: "boolean",
    default: false,
    tcpOnly: "a path has no address family",
  },
  reusePort: {
    scope: "listen",
    kind: "boolean",
    default: false,
    tcpOnly: "a path belongs to one listener",
  },
  timeout: {
    scope: "connect",
    kind: "milliseconds",
    min: 1,
    max: 2_147_483_647,
    default: undefined,
  },
  autoSelectFamily: {
    scope: "connect",
    kind: "boolean",
    default: true,
    tcpOnly: "a path has no address family",
  },
  autoSelectFamilyAttemptDelay: {
    scope: "connect",
    kind: "milliseconds",
    alias: "autoSelectFamilyAttemptTimeout",
    min: 0,
    max: 2_147_483_647,
    default: 250,
    tcpOnly: "a path has no address family",
  },
  broadcast: {
    scope: "datagram",
    kind: "boolean",
    default: false,
    native: 15,
    owner: "system",
    tcpOnly: "the datagrams of a unix socket stay on this machine",
  },
  ttl: {
    scope: "datagram",
    kind: "integer",
    min: 1,
    max: 255,
    default: undefined,
    native: 16,
    owner: "system",
    tcpOnly: "the datagrams of a unix socket stay on this machine",
  },
  multicastTtl: {
    scope: "datagram",
    kind: "integer",
    min: 0,
    max: 255,
    default: 1,
    native: 17,
    owner: "system",
    tcpOnly: "the datagrams of a unix socket stay on this machine",
  },
  multicastLoop: {
    scope: "datagram",
    kind: "boolean",
    default: true,
    native: 18,
    owner: "system",
    tcpOnly: "the datagrams of a unix socket stay on this machine",
  },
  multicastInterface: {
    scope: "datagram",
    kind: "integer",
    min: 0,
    max: 2_147_483_647,
    default: 0,
    native: 19,
    owner: "system",
    tcpOnly: "the datagrams of a unix socket stay on this machine",
  },
  systemReceiveBuffer: {
    scope: "datagram",
    kind: "integer",
    min: 1,
    max: 1_073_741_823,
    default: undefined,
    native: 20,
    owner: "system",
  },
  systemSendBuffer: {
    scope: "datagram",
    kind: "integer",
    min: 1,
    max: 1_073_741_823,
    default: undefined,
    native: 21,
    owner: "system",
  },
  offload: {
    scope: "datagram",
    kind: "boolean",
    default: false,
    native: 22,
    owner: "system",
    unsupported: "this system has no UDP_GRO and UDP_SEGMENT",
    tcpOnly: "the datagrams of a unix socket stay on this machine",
  },
} as const;

/** The options of the list, by name. */
export type Options = typeof OPTIONS;

/** The names of the options of a scope. */
export type Key<S extends Scope> = {
  [K in keyof Options]: Options[K]["scope"] extends S ? K : never;
}[keyof Options];

/** The list without the literal types of its rows. */
export const LIST: Readonly<Record<string, Option>> = OPTIONS;

/** The names of the options of a scope for which `isWanted` is true. */
export function keysOf<S extends Scope>(
  scope: S,
  isWanted: (option: Option) => boolean = () => true,
): Key<S>[] {
  return Object.keys(LIST).filter((key) =>
    LIST[key]!.scope === scope && isWanted(LIST[key]!)
  ) as Key<S>[];
}

/** The names of all options, by scope. */
export const KEYS: { readonly [S in Scope]: readonly Key<S>[] } = {
  conn: keysOf("conn"),
  listen: keysOf("listen"),
  connect: keysOf("connect"),
  datagram: keysOf("datagram"),
};
