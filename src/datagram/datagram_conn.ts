// Copyright the iocp authors. MIT license.

import type { BoundSocket } from "./bound_socket.ts";
import { BatchReader, BufferReader, type Reader } from "./readers.ts";
import type { Batch } from "./batch.ts";
import { changeDatagramOptions } from "./socket_options.ts";
import { changeMembership } from "./membership.ts";
import type { DatagramAddr, UdpAddr } from "./address.ts";
import { boundSocketOf, type DatagramSocket } from "./datagram_socket.ts";
import { DatagramIterator } from "./datagram_iterator.ts";
import type { Destination } from "./datagram.ts";
import { LimitedReceive } from "./limited_receive.ts";
import {
  operationLimits,
  type OperationOptions,
  optionalLimits,
} from "../options/operation.ts";
import {
  optionalBoolean,
  requireBytes,
  requireOptions,
} from "../options/validate.ts";
import { sendLimited } from "./limited_send.ts";
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

/* Deno's type of the result does not depend on that of `p`. */
function readerOf<A extends DatagramAddr>(
  p: Uint8Array | undefined,
  resolve: (received: ReceivedDatagram<A>) => void,
  reject: (error: Error) => void,
): Reader<A> {
  return p === undefined
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
   * @param options how long to wait, and what ends the wait, which Deno's has not. A
   * datagram that arrives later is for the next call.
   * @returns the data, which is a part of `p`, and the address of the sender.
   * @throws {SocketError} `EBADF` when it is closed, `EINTR` when it becomes closed,
   * `ETIMEDOUT` after `timeout`, and an error that the network reports for an earlier
   * datagram.
   * @throws the reason of `signal` when that aborts.
   */
  receive(
    p?: Uint8Array,
    options?: OperationOptions,
  ): Promise<ReceivedDatagram<A>> {
    const socket = this.#socket;
    return new Promise((resolve, reject) => {
      if (p !== undefined) requireBytes("p", p);
      const limits = optionalLimits(options);
      if (socket.isClosed) throw socket.closedError("recvfrom");
      if (limits === undefined) {
        socket.receive.read(readerOf(p, resolve, reject));
        return;
      }
      const receive = new LimitedReceive<A, ReceivedDatagram<A>>(
        socket,
        limits,
        (resolve, reject) => readerOf(p, resolve, reject),
      );
      resolve(receive.run());
    });
  }

  /**
   * Sends a datagram.
   *
   * @param p its bytes.
   * @param addr where it goes; a host name is looked up.
   * @param options how long it may take, and what ends it, which Deno's has not.
   * @returns the number of bytes.
   * @throws {SocketError} as `send()` of a {@linkcode DatagramSocket}.
   */
  async send(
    p: Uint8Array,
    addr: Destination<A>,
    options?: OperationOptions,
  ): Promise<number> {
    const socket = this.#socket;
    requireBytes("p", p);
    if (options !== undefined) {
      requireOptions(addr, "addr");
      return await sendLimited(socket, p, addr, operationLimits(options));
    }
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

  /**
   * The same loop with a limit on each turn, which Deno's has not. Its end leaves the
   * socket open, as leaving the loop does.
   *
   * @param options how long each turn may wait, and what ends it.
   * @throws {SocketError} `ETIMEDOUT` from the loop, after `timeout`.
   * @throws the reason of `signal` from the loop, when that aborts.
   *
   * @example
   * ```ts
   * import { listenDatagram } from "iocp";
   *
   * using socket = listenDatagram({
   *   hostname: "127.0.0.1",
   *   port: 0,
   *   transport: "udp",
   * });
   * await socket.send(new Uint8Array(100), socket.addr);
   * for await (const [data] of socket.datagrams({ timeout: 5_000 })) {
   *   console.log(data.length);
   *   break;
   * }
   * ```
   */
  datagrams(
    options: OperationOptions,
  ): AsyncIterableIterator<ReceivedDatagram<A>, undefined> {
    const limits = operationLimits(options);
    return new DatagramIterator(this.#socket, shift, () => {}, limits);
  }

  /** The same as `close()`. */
  [Symbol.dispose](): void {
    this.#socket.close();
  }
}
