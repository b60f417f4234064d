// Copyright the iocp authors. MIT license.
/* What iocp_poll() writes, as indices into an Int32Array; a test compares them
 * with ffi/include/iocp.h. */

/** Words of a struct iocp_header, and where its fields are. */
export const HEADER_WORDS = 4;
export const HEADER_SLAB_END = 0;
export const HEADER_FLAGS = 1;
export const HEADER_TIMEOUT_MS = 2;
export const HEADER_SOCKETS = 3;

/** Words of a struct iocp_record. */
export const RECORD_WORDS = 4;

/** Header flags. */
export const MORE = 1;
export const SLAB_FULL = 2;

/** Record kinds. */
export const ACCEPTED = 1;
export const CONNECTED = 2;
export const RECEIVED = 3;
export const READABLE = 4;
export const SENT = 5;
export const SHUT = 6;
export const CLOSED = 7;
export const DATAGRAMS = 8;

/** The words of one poll. Those of the header and of the first record's socket
 * are always there. */
export type Words =
  & Int32Array<ArrayBuffer>
  & Record<0 | 1 | 2 | 3 | typeof HEADER_WORDS, number>;

/** Added to a result if a completion follows. */
export const PENDING = 0x40000000;

/** A slab with less room than this receives nothing. */
export const SLAB_MIN = 4096;

/** The part of a socket's id that is its index. */
export const INDEX_MASK: number = (1 << 19) - 1;

/** A flag of iocp_add_socket(). */
export const DETACHED = 1;

/** The most bytes of the address of an inbox, and of a ticket. */
export const INBOX_MAX = 64;
export const TICKET_MAX = 1024;

/** Flags of iocp_listen(). */
export const IPV6_ONLY = 1;
export const REUSE_PORT = 2;
export const ALL_NO_DELAY = 4;

/** A flag of iocp_bind(). */
export const REUSE_ADDRESS = 32;

/** The size of a struct iocp_datagram, and of the longest path that may follow
 * it. */
export const DATAGRAM_BYTES = 32;
export const DATAGRAM_PATH_MAX = 112;

/** Flags of iocp_listen_path(); the first one is for iocp_bind() as well. */
export const REPLACE_STALE = 8;
export const EVERYONE = 16;
/** A mode that is left to the system. */
export const MODE_DEFAULT = 0xffffffff;

/** The value of a field of struct iocp_peer that the system does not have. */
export const PEER_UNKNOWN = 0xffffffff;

/** Ends of a socket for iocp_get_address(). */
export const LOCAL = 0;
export const PEER = 1;

/** The option with the group of a socket; those of users are in
 * src/options/table.ts. */
export const GROUP = 12;

/** Modes of iocp_close(). */
export const GRACEFUL = 0;
export const RESET = 1;
export const DETACH = 2;

/** The fields of a struct iocp_stats, in order, as users see them. */
export const STATS_FIELDS = [
  "sockets",
  "operations",
  "bytesUnsent",
  "bytesPosted",
  "bytesReceived",
  "bytesSent",
  "accepted",
  "acceptFailures",
  "polls",
  "records",
] as const;

/** The counters of a group of sockets. */
export type Stats = Record<(typeof STATS_FIELDS)[number], number>;

/** The fields of a struct iocp_socket_stats, in order. */
export const SOCKET_STATS_FIELDS = [
  "operations",
  "receivesPosted",
  "bytesPosted",
  "bytesReadable",
  "sends",
  "bytesUnsent",
  "bytesReceived",
  "bytesSent",
  "acceptsPosted",
  "acceptsReady",
  "acceptsDeferred",
  "accepted",
  "acceptFailures",
  "firstByteTimeouts",
  "datagramsReceived",
  "datagramsSent",
  "datagramsDropped",
] as const;

/** The counters of one socket. */
export type SocketStats = Record<(typeof SOCKET_STATS_FIELDS)[number], number>;
