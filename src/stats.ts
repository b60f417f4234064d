// Copyright the iocp authors. MIT license.
/**
 * The counters of ports, listeners, connections and datagram sockets, and what the
 * system knows of TCP.
 *
 * @module
 */

/** Counters of a {@linkcode CompletionPort}. */
export interface PortStats {
  /** Sockets that are not closed yet, listeners included. */
  sockets: number;
  /** Pending overlapped operations (Windows). */
  operations: number;
  /** Bytes of writes that the library holds until the system accepts them. */
  bytesUnsent: number;
  /** Bytes of the buffers of posted receives (Windows). */
  bytesPosted: number;
  /** Bytes received since the start. */
  bytesReceived: number;
  /** Bytes that the system has accepted since the start. */
  bytesSent: number;
  /** Connections accepted since the start. */
  accepted: number;
  /** Accepts that failed and were tried again, since the start. */
  acceptFailures: number;
  /** Turns of the loop that all ports of the thread share, since the start. */
  polls: number;
  /** Completions of that loop since the start. */
  records: number;
}

/** Counters of a connection. */
export interface ConnStats {
  /** Pending overlapped operations (Windows). */
  operations: number;
  /** Receives among them (Windows). */
  receivesPosted: number;
  /** Bytes of the buffers of these receives (Windows). */
  bytesPosted: number;
  /** Bytes that have arrived and were not read yet, held by the module or the
   * system. */
  bytesReadable: number;
  /** Bytes among them that the module has received ahead of the reader. */
  bytesAhead: number;
  /** Sends that the system has not accepted completely yet. */
  sends: number;
  /** Bytes of the copies that the library holds for these sends. */
  bytesUnsent: number;
  /** Bytes received since the start. */
  bytesReceived: number;
  /** Bytes that the system has accepted since the start. */
  bytesSent: number;
}

/** What the system knows of a TCP connection, now. What it does not say is
 * undefined; the names are those of `WebTransport.getStats()` where that has them. */
export interface TcpInfo {
  /** The round trip, smoothed, in milliseconds. */
  smoothedRtt: number;
  /** The mean deviation of the round trip, in milliseconds (Linux). */
  rttVariation: number | undefined;
  /** The shortest round trip, in milliseconds; on Linux that of the last minutes. */
  minRtt: number | undefined;
  /** Bytes sent and not acknowledged. */
  bytesInFlight: number;
  /** How many bytes may be in flight. */
  congestionWindow: number;
  /** The most bytes of a segment that is sent. */
  maxSegmentSize: number;
  /** Bytes sent again since the start; on Linux since version 4.19. */
  bytesRetransmitted: number | undefined;
  /** Segments sent again since the start (Linux). */
  segmentsRetransmitted: number | undefined;
  /** Bytes a second that the peer has acknowledged, as measured last (Linux). */
  deliveryRate: number | undefined;
}

/** Counters of a listener. */
export interface ListenerStats {
  /** Posted accepts. */
  acceptsPosted: number;
  /** Connections that `accept()` has not returned yet. */
  acceptsReady: number;
  /** Connections that have received no byte yet (`deferAccept`). */
  acceptsDeferred: number;
  /** Connections accepted since the start. */
  accepted: number;
  /** Accepts that failed and were tried again, since the start. */
  acceptFailures: number;
  /** Connections reset because of `firstByteTimeout`, since the start. */
  firstByteTimeouts: number;
  /** Connections reset because of `blockList`, since the start. */
  blocked: number;
  /** Connections closed because the handshake of TLS has failed, since the start. */
  handshakeFailures: number;
}

/** Counters of a datagram socket. */
export interface DatagramStats {
  /** Pending overlapped operations (Windows). */
  operations: number;
  /** Receives among them (Windows). */
  receivesPosted: number;
  /** Bytes of the buffers of these receives (Windows). */
  bytesPosted: number;
  /** Bytes of datagrams that the module has received ahead of the reader, with
   * their addresses. */
  bytesAhead: number;
  /** Sends that the system has had no room for yet. */
  sends: number;
  /** Bytes of the copies that the library holds for these sends. */
  bytesUnsent: number;
  /** Bytes received since the start. */
  bytesReceived: number;
  /** Bytes that the system has accepted since the start. */
  bytesSent: number;
  /** Datagrams received since the start. */
  datagramsReceived: number;
  /** Datagrams that the system has accepted since the start. */
  datagramsSent: number;
  /** Datagrams that arrived and that the system has dropped, because its buffer
   * was full, since the start. Windows does not count them: 0. */
  datagramsDropped: number;
}
