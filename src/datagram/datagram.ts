// Copyright the iocp authors. MIT license.

import type { DatagramAddr, UdpAddr } from "./address.ts";

/** A received datagram. */
export interface Datagram<
  A extends DatagramAddr = UdpAddr,
  B extends ArrayBufferLike = ArrayBuffer,
> {
  /** Its bytes, which may be none. */
  readonly data: Uint8Array<B>;
  /**
   * Where it came from. A peer that sends often has one object, which is frozen:
   * `===` finds out whether two datagrams came from the same peer as long as the
   * socket remembers it (it remembers more than a thousand), and `hostname` and
   * `port` always do.
   */
  readonly addr: Readonly<A>;
  /** True if it was longer than the memory that there was for it; the rest is
   * lost. */
  readonly isTruncated: boolean;
  /** The number of bytes that were sent. It is undefined if the system has truncated
   * the datagram and does not say how long it was, which happens to none of UDP. */
  readonly size: number | undefined;
}

/** A datagram to send. */
export interface OutgoingDatagram<
  A extends DatagramAddr = UdpAddr,
> {
  /** Its bytes, which must not be changed until it is sent. */
  readonly data: Uint8Array;
  /** Where it goes. Without it, it goes to the address of `connect()`. */
  readonly addr?: Destination<A> | undefined;
}

/** An address to send to, or to be connected to. Unlike in an address of the
 * system, the host may be a name. */
export type Destination<A extends DatagramAddr = UdpAddr> = Readonly<
  A extends UdpAddr
    ? { transport?: "udp" | undefined; hostname: string; port: number }
    : { transport?: "unixpacket" | undefined; path: string }
>;
