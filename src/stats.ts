// Copyright the iocp authors. MIT license.
/**
 * What ports, listeners and connections count.
 *
 * @module
 */

/** Counters of a {@linkcode CompletionPort}. */
export interface PortStats {
  /** Sockets that are not closed yet, listeners included. */
  sockets: number;
  /** Operations in the kernel's hands (Windows). */
  operations: number;
  /** Bytes of writes that the library holds until the system takes them. */
  bytesKept: number;
  /** Bytes of buffers that posted receives hold (Windows). */
  bytesPosted: number;
  /** Bytes received, ever. */
  bytesReceived: number;
  /** Bytes that the system has taken, ever. */
  bytesSent: number;
  /** Connections accepted, ever. */
  accepted: number;
  /** Accepts that failed and were tried again, ever. */
  acceptFailures: number;
  /** Turns of the loop that all ports of the thread share, ever. */
  polls: number;
  /** Completions of that loop, ever. */
  records: number;
}

/** Counters of a connection. */
export interface ConnStats {
  /** Overlapped operations in the kernel's hands (Windows). */
  operations: number;
  /** Those of them that receive (Windows). */
  receivesPosted: number;
  /** Bytes of the buffers that they hold (Windows). */
  bytesPosted: number;
  /** Bytes that have come and were not read yet, here and in the system. */
  bytesReadable: number;
  /** Those of them that the module has received ahead of the reader. */
  bytesAhead: number;
  /** Sends that the system has not taken whole yet. */
  sends: number;
  /** Bytes of the copies that the library holds for them. */
  bytesKept: number;
  /** Bytes received, ever. */
  bytesReceived: number;
  /** Bytes that the system has taken, ever. */
  bytesSent: number;
}

/** Counters of a listener. */
export interface ListenerStats {
  /** Accepts that are kept posted. */
  acceptsPosted: number;
  /** Connections that have come and were not taken yet. */
  acceptsReady: number;
  /** Connections whose peers have said nothing yet (`deferAccept`). */
  acceptsDeferred: number;
  /** Connections accepted, ever. */
  accepted: number;
  /** Accepts that failed and were tried again, ever. */
  acceptFailures: number;
  /** Connections reset for having said nothing in time, ever. */
  silent: number;
}
