// Copyright the iocp authors. MIT license.

import type { BoundSocket } from "./bound_socket.ts";
import { BatchReader, BufferReader } from "./readers.ts";
import type { Batch } from "./batch.ts";
import { changeDatagramOptions } from "./socket_options.ts";
import { changeMembership } from "./membership.ts";
import type { DatagramAddr, UdpAddr } from "./address.ts";
import { boundSocketOf, type DatagramSocket } from "./datagram_socket.ts";
import { DatagramIterator } from "./datagram_iterator.ts";
import type { Destination } from "./datagram.ts";
import { optionalBoolean, requireBytes } from "../options/validate.ts";
import { showFields } from "../views/inspect.ts";

/** What `joinMulticastV4()` returns, as in Deno. */
export interface MulticastV4Membership {
  /** Leaves the group. */
  leave(): Promise<void>;
  /** Whether this machine receives what the socket sends to groups. */
  setLoopback(loopback: boolean): Promise<void>;
  /** How many routers may forward what the socket sends to groups, from 0 to
   * 255. */
  setTTL(ttl: number): Promise<void>;
}

/** What `joinMulticastV6()` returns, as in Deno. */
export interface MulticastV6Membership {
  /** Leaves the group. */
  leave(): Promise<void>;
  /** Whether this machine receives what the socket sends to groups. */
  setLoopback(loopback: boolean): Promise<void>;
}

/** A datagram as Deno returns it: its data, and the address of its sender. */
export type ReceivedDatagram<A extends DatagramAddr = UdpAddr> = [
  Uint8Array<ArrayBuffer>,
  A,
];

function shift<A extends DatagramAddr>(batch: Batch<A>): ReceivedDatagram<A> {
  const { data, addr } = batch.shift();
  return [data, addr];
}

/** Gives a socket the members of Deno's. For internal use: the constructor is not
 * part of the API. */
export let asDatagramConn: <A extends DatagramAddr>(
  socket: DatagramSocket<A>,
) => DatagramConn<A>;

/**
 * The datagram socket of `listenDatagram()`, with the members of Deno's.
 *
 * As in Deno, leaving a `for await` loop over it leaves it open, and `close()`
 * ends the loop. Unlike in Deno, an error of the network does not end the loop, and
 * without a buffer of the caller's no datagram is truncated.
 */
export class DatagramConn<A extends DatagramAddr = UdpAddr>
  implements AsyncIterable<ReceivedDatagram<A>> {
  static {
    asDatagramConn = (socket) => new DatagramConn(boundSocketOf(socket));
    showFields(DatagramConn, (conn) => ({
      state: conn.#socket.isClosed ? "closed" : "open",
    }));
  }

  readonly #socket: BoundSocket<A>;

  /**
   * They come from `listenDatagram()`.
   *
   * @ignore
   */
  private constructor(socket: BoundSocket<A>) {
    this.#socket = socket;
  }

  /** The address that it is bound to. */
  get addr(): A {
    return { ...this.#socket.address };
  }

  /**
   * Receives one datagram.
   *
   * @param p where the data goes; what does not fit is lost. Without it, the data
   * has memory of its own.
   * @returns the data, which is a part of `p`, and the address of the sender.
   * @throws {SocketError} `EBADF` when it is closed, `EINTR` when it becomes closed,
   * and an error that the network reports for an earlier datagram.
   */
  receive(p?: Uint8Array): Promise<ReceivedDatagram<A>> {
    const socket = this.#socket;
    return new Promise((resolve, reject) => {
      if (p !== undefined) requireBytes("p", p);
      if (socket.isClosed) throw socket.closedError("recvfrom");
      /* Deno's type of the result does not depend on that of `p`. */
      const reader = p === undefined
        ? new BatchReader<A, ReceivedDatagram<A>>(
          shift,
          ({ value }) => resolve(value!),
          reject,
        )
        : new BufferReader<A, ArrayBuffer>(
          p as Uint8Array<ArrayBuffer>,
          ({ data, addr }) => resolve([data, addr]),
          reject,
        );
      socket.receive.read(reader);
    });
  }

  /**
   * Sends a datagram.
   *
   * @param p its bytes.
   * @param addr where it goes; a host name is looked up.
   * @returns the number of bytes.
   * @throws {SocketError} as `send()` of a {@linkcode DatagramSocket}.
   */
  async send(p: Uint8Array, addr: Destination<A>): Promise<number> {
    const socket = this.#socket;
    requireBytes("p", p);
    const open = () => {
      if (socket.isClosed) throw socket.closedError("sendto");
    };
    open();
    const found = socket.destinations.find("addr", addr);
    const to = found instanceof Uint8Array ? found : await found;
    open();
    return await socket.send.send(p, to);
  }

  /**
   * Joins an IPv4 multicast group.
   *
   * @param address that of the group.
   * @param networkInterface an address of the network interface; `"0.0.0.0"`
   * leaves the choice to the system.
   */
  async joinMulticastV4(
    address: string,
    networkInterface: string,
  ): Promise<MulticastV4Membership> {
    const set = await this.#join(address, networkInterface);
    return {
      ...set,
      setTTL: async (multicastTtl) => {
        changeDatagramOptions(this.#socket, { multicastTtl });
      },
    };
  }

  /**
   * Joins an IPv6 multicast group.
   *
   * @param address that of the group.
   * @param networkInterface the index of the network interface; 0 leaves the choice
   * to the system.
   */
  async joinMulticastV6(
    address: string,
    networkInterface: number,
  ): Promise<MulticastV6Membership> {
    return await this.#join(address, networkInterface);
  }

  #join(
    address: string,
    networkInterface: string | number,
  ): Promise<MulticastV6Membership> {
    const socket = this.#socket;
    const options = { interface: networkInterface };
    changeMembership(socket, address, options, true);
    return Promise.resolve({
      leave: async () => changeMembership(socket, address, options, false),
      setLoopback: async (loopback) => {
        const multicastLoop = optionalBoolean("loopback", loopback, false);
        changeDatagramOptions(socket, { multicastLoop });
      },
    });
  }

  /** Closes it. Loops end, and pending calls of `receive()` are rejected. */
  close(): void {
    this.#socket.close();
  }

  /** Lets it keep the process alive, which is the default. */
  ref(): void {
    this.#socket.setRef(true);
  }

  /** Lets the process end while it is open. */
  unref(): void {
    this.#socket.setRef(false);
  }

  /** The datagrams as they arrive, until it is closed. */
  [Symbol.asyncIterator](): AsyncIterableIterator<
    ReceivedDatagram<A>,
    undefined
  > {
    return new DatagramIterator(this.#socket, shift, () => {});
  }

  /** The same as `close()`. */
  [Symbol.dispose](): void {
    this.#socket.close();
  }
}
