// Copyright the iocp authors. MIT license.
/// <reference lib="esnext.disposable" preserve="true" />
import { addressAll } from "./outgoing.ts";
import type { BoundSocket } from "./bound_socket.ts";
import { BufferReader } from "./readers.ts";
import {
  changeDatagramOptions,
  datagramOptionsInForce,
} from "./socket_options.ts";
import { changeMembership, type MembershipOptions } from "./membership.ts";
import type { Datagram, Destination, OutgoingDatagram } from "./datagram.ts";
import type { DatagramAddr, UdpAddr } from "./address.ts";
import type {
  DatagramOptions,
  DatagramOptionsInForce,
} from "../options/datagram.ts";
import type { DatagramStats } from "../stats.ts";
import { DatagramIterator } from "./datagram_iterator.ts";
import { formatHost, type SocketError } from "../errors.ts";
import { LeasedBatches } from "./leased_batches.ts";
import { LimitedReceive } from "./limited_receive.ts";
import { LimitedConnect } from "./limited_connect.ts";
import { sendLimited, sendManyLimited } from "./limited_send.ts";
import {
  operationLimits,
  type OperationOptions,
  optionalLimits,
} from "../options/operation.ts";
import { requireBytes, requireOptions } from "../options/validate.ts";
import { shownPath } from "../native/path.ts";
import { showFields } from "../views/inspect.ts";

/** Makes the object of a socket. For internal use: the constructor is not part of
 * the API. */
export let makeDatagramSocket: <A extends DatagramAddr>(
  socket: BoundSocket<A>,
) => DatagramSocket<A>;

/** The socket behind an object. For internal use. */
export let boundSocketOf: <A extends DatagramAddr>(
  socket: DatagramSocket<A>,
) => BoundSocket<A>;

/**
 * Sends and receives datagrams, and is an async iterable of those that it
 * receives.
 *
 * Leaving a `for await` loop over it by `break` or by an error closes it, and
 * `close()` ends the loop. Errors of the network do not: a datagram that cannot be
 * delivered is no reason to receive no others. They go to the `onError` of
 * `bind()` and to `lastError`.
 *
 * Datagrams are received while a loop or a `receive()` asks for them, up to
 * 256 KiB ahead of a loop. The others are in the buffer of the system, which drops
 * what it has no room for; `stats()` counts these.
 *
 * @example An echo
 * ```ts
 * import { bind } from "iocp";
 *
 * const server = bind({ hostname: "127.0.0.1", port: 0 });
 * const client = bind({ hostname: "127.0.0.1", port: 0 });
 * await client.send(new TextEncoder().encode("hello"), server.addr);
 * for await (const { data, addr } of server) {
 *   await server.send(data, addr);
 *   break;
 * }
 * const { data } = await client.receive(new Uint8Array(16));
 * console.log(new TextDecoder().decode(data));
 * client.close();
 * ```
 */
export class DatagramSocket<A extends DatagramAddr = UdpAddr>
  implements AsyncIterable<Datagram<A>> {
  static {
    makeDatagramSocket = (socket) => new DatagramSocket(socket);
    boundSocketOf = (object) => object.#socket;
    showFields(DatagramSocket, (socket) => ({
      addr: shown(socket.addr),
      state: socket.#socket.isClosed ? "closed" : "open",
    }));
  }

  readonly #socket: BoundSocket<A>;

  /**
   * Datagram sockets come from `bind()`.
   *
   * @ignore
   */
  private constructor(socket: BoundSocket<A>) {
    this.#socket = socket;
  }

  /** The address that it is bound to, with the port number that the system has
   * chosen if it was 0. It is still available after the close. */
  get addr(): A {
    return { ...this.#socket.address };
  }

  /** The address of `connect()`, or undefined while it is not connected. */
  get remoteAddr(): A | undefined {
    const { remoteAddress } = this.#socket;
    return remoteAddress && { ...remoteAddress };
  }

  /** The last failure, of a call or reported by the network, or undefined. */
  get lastError(): SocketError | undefined {
    return this.#socket.lastError;
  }

  /**
   * The options in force.
   *
   * @throws {SocketError} when the socket is closed.
   */
  get options(): DatagramOptionsInForce {
    return datagramOptionsInForce(this.#socket);
  }

  /**
   * Changes options; those that are left out stay as they are.
   *
   * @throws {NotSupported} for an option that the system or a unix socket does not
   * have.
   * @throws {SocketError} when the socket is closed.
   *
   * @example
   * ```ts
   * import { bind } from "iocp";
   *
   * using socket = bind({ port: 0 });
   * socket.setOptions({ ttl: 32, systemReceiveBuffer: 100_000 });
   * console.log(socket.options);
   * ```
   */
  setOptions(options: DatagramOptions): void {
    requireOptions(options);
    changeDatagramOptions(this.#socket, options);
  }

  /**
   * Counters of the socket.
   *
   * @throws {SocketError} when the socket is closed.
   */
  stats(): DatagramStats {
    return this.#socket.stats();
  }

  /**
   * Receives one datagram into `p`. What does not fit is lost, and `isTruncated`
   * says so.
   *
   * Pending calls are settled in order, and so are those of a loop. While none is
   * pending that has come on behalf of a loop, nothing is received ahead.
   *
   * @param p where the data goes.
   * @param options how long to wait, and what ends the wait. A datagram that
   * arrives later is for the next call.
   * @returns the datagram, whose `data` is the part of `p` that was filled.
   * @throws {SocketError} `EBADF` when the socket is closed, `EINTR` when it
   * becomes closed, `ETIMEDOUT` after `timeout`, and an error that the network
   * reports for an earlier datagram, such as `ECONNREFUSED`. After that the socket
   * receives as before.
   * @throws the reason of `signal` when that aborts.
   *
   * @example
   * ```ts
   * import { bind } from "iocp";
   *
   * using socket = bind({ hostname: "127.0.0.1", port: 0 });
   * await socket.send(new Uint8Array(1200), socket.addr);
   * const { data, size, isTruncated } = await socket.receive(
   *   new Uint8Array(1000),
   *   { timeout: 5_000 },
   * );
   * console.log(data.length, size, isTruncated); // 1000 1200 true
   * ```
   */
  receive<B extends ArrayBufferLike>(
    p: Uint8Array<B>,
    options?: OperationOptions,
  ): Promise<Datagram<A, B>> {
    const socket = this.#socket;
    return new Promise((resolve, reject) => {
      requireBytes("p", p);
      const limits = optionalLimits(options);
      if (socket.isClosed) throw socket.closedError("recvfrom");
      if (limits === undefined) {
        socket.receive.read(new BufferReader(p, resolve, reject));
        return;
      }
      const receive = new LimitedReceive<A, Datagram<A, B>>(
        socket,
        limits,
        (resolve, reject) => new BufferReader(p, resolve, reject),
      );
      resolve(receive.run());
    });
  }

  /**
   * Sends a datagram.
   *
   * Resolves when the system has accepted it. Until then `data` must not be
   * changed. That it arrives is not known; if the network reports that it does
   * not, the socket's `onError` is called.
   *
   * @param data its bytes. UDP has at most 65,507 of them, or 65,527 over IPv6.
   * @param addr where it goes. A host name is looked up, each time; meanwhile later
   * datagrams may be sent before it. Without `addr` it goes to the address of
   * `connect()`.
   * @param options how long it may take, the look-up included, and what ends it.
   * @returns the number of bytes.
   * @throws {SocketError} `EMSGSIZE` for too many bytes, `EDESTADDRREQ` without an
   * address, `EACCES` for a broadcast address without the option `broadcast`,
   * `ENOTFOUND` and so on for a host name, `EBADF` when the socket is closed.
   * @throws {SocketError} `ETIMEDOUT` after `timeout`, and `ECANCELED` when `signal`
   * aborts, with its reason as the `cause`. `datagramsSent` of the error is 0 if the
   * datagram is never sent; with 1 the system has it, or will have it.
   * @throws Under Deno, `NotCapable` without the permission for the address, which
   * is asked for once for each socket and address.
   */
  send(
    data: Uint8Array,
    addr?: Destination<A>,
    options?: OperationOptions,
  ): Promise<number> {
    const socket = this.#socket;
    try {
      requireBytes("data", data);
      if (options !== undefined) {
        return sendLimited(socket, data, addr, operationLimits(options));
      }
      if (socket.isClosed) throw socket.closedError("sendto");
      if (addr === undefined) return socket.send.send(data, null);
      const to = socket.destinations.find("addr", addr);
      return to instanceof Uint8Array
        ? socket.send.send(data, to)
        : this.#sendLater(data, to);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async #sendLater(data: Uint8Array, to: Promise<Uint8Array>): Promise<number> {
    const socket = this.#socket;
    const struct = await to;
    if (socket.isClosed) throw socket.closedError("sendto");
    return await socket.send.send(data, struct);
  }

  /**
   * Sends several datagrams, in order, with few calls of the system.
   *
   * @param datagrams what to send where, as for `send()`. They must not be changed
   * until the promise is settled.
   * @param options how long it may take, and what ends it.
   * @returns the number of datagrams, always all of them.
   * @throws {SocketError} as `send()`. The first `datagramsSent` of them, a property
   * of the error, were sent, and the next one has failed. After a timeout or an abort
   * the others are never sent.
   *
   * @example
   * ```ts
   * import { bind } from "iocp";
   *
   * using receiver = bind({ hostname: "127.0.0.1", port: 0 });
   * using sender = bind({ hostname: "127.0.0.1", port: 0 });
   * const { addr } = receiver;
   * const texts = ["one", "two", "three"];
   * await sender.sendMany(
   *   texts.map((text) => ({ data: new TextEncoder().encode(text), addr })),
   * );
   * for await (const { data } of receiver) {
   *   const text = new TextDecoder().decode(data);
   *   if (text === "three") break;
   * }
   * ```
   */
  async sendMany(
    datagrams: Iterable<OutgoingDatagram<A>>,
    options?: OperationOptions,
  ): Promise<number> {
    const socket = this.#socket;
    if (options !== undefined) {
      return await sendManyLimited(
        socket,
        datagrams,
        operationLimits(options),
      );
    }
    if (socket.isClosed) throw socket.closedError("sendto");
    const found = addressAll(socket.destinations, datagrams);
    const addressed = Array.isArray(found) ? found : await found;
    return await socket.send.sendMany(addressed);
  }

  /**
   * Connects the socket to an address: it then sends there when no other address
   * is given, receives from there alone, and on Linux the network's errors are
   * reported. Datagrams that were received ahead of a loop are still delivered. Those
   * that wait in the system's buffer stay there on Linux; Windows may discard them.
   * It connects when the datagrams of earlier sends have left; only a `sendMany()`
   * that is pending may send the rest of its datagrams afterwards.
   *
   * @param addr the address; a host name is looked up.
   * @param options how long it may take, the look-up and the earlier sends included,
   * and what ends it. The socket then keeps the peer that it has.
   * @throws {SocketError} `ENOTFOUND` and so on for a host name, `ENETUNREACH`
   * when no route leads there, `EBADF` when the socket is closed, `EINTR` when it is
   * closed meanwhile, `ETIMEDOUT` after `timeout`.
   * @throws the reason of `signal` when that aborts.
   * @throws Under Deno, `NotCapable` without the permission for the address.
   *
   * @example
   * ```ts
   * import { bind } from "iocp";
   *
   * using server = bind({ hostname: "127.0.0.1", port: 0 });
   * using client = bind({ hostname: "127.0.0.1", port: 0 });
   * await client.connect(server.addr);
   * await client.send(new TextEncoder().encode("hello"));
   * const { addr } = await server.receive(new Uint8Array(16));
   * console.log(addr.port === client.addr.port);
   * ```
   */
  async connect(
    addr: Destination<A>,
    options?: OperationOptions,
  ): Promise<void> {
    const socket = this.#socket;
    if (options !== undefined) {
      await new LimitedConnect(socket, addr, operationLimits(options)).run();
      return;
    }
    const open = () => {
      if (socket.isClosed) throw socket.closedError("connect");
    };
    open();
    const found = socket.destinations.find("addr", addr);
    const struct = found instanceof Uint8Array ? found : await found;
    open();
    await socket.send.inTurn("connect", () => socket.connect(struct));
  }

  /**
   * Ends what `connect()` has begun: it receives from everywhere again.
   *
   * @throws {SocketError} `EBADF` when the socket is closed, `EBUSY` while a send is
   * pending: await that first.
   */
  disconnect(): void {
    const socket = this.#socket;
    if (socket.isClosed) throw socket.closedError("connect");
    socket.connect(null);
  }

  /**
   * Joins a multicast group: the socket then receives what is sent to the group
   * and to its own port.
   *
   * @param group the IP address of the group.
   * @param options on which interface, and from which source.
   * @throws {SocketError} `EADDRINUSE` when it has joined already,
   * `EADDRNOTAVAIL` when there is no such interface, `EBADF` when it is closed.
   *
   * @example
   * ```ts
   * import { bind } from "iocp";
   *
   * using socket = bind({ port: 0 });
   * socket.joinMulticast("239.1.2.3", { interface: "127.0.0.1" });
   * socket.leaveMulticast("239.1.2.3", { interface: "127.0.0.1" });
   * ```
   */
  joinMulticast(group: string, options: MembershipOptions = {}): void {
    changeMembership(this.#socket, group, options, true);
  }

  /**
   * Leaves a multicast group that it has joined with the same options.
   *
   * @throws {SocketError} `EADDRNOTAVAIL` when it has not joined, `EBADF` when it
   * is closed.
   */
  leaveMulticast(group: string, options: MembershipOptions = {}): void {
    changeMembership(this.#socket, group, options, false);
  }

  /**
   * Closes the socket. Loops end, pending calls of `receive()` are rejected, and
   * datagrams that were not received are lost. The address is free when it
   * returns, unless the system has had no room yet for a datagram: that one is
   * still sent, within five seconds. Sends behind it are rejected with `EINTR`.
   * Closing again does nothing.
   */
  close(): void {
    this.#socket.close();
  }

  /** Lets the socket keep the process alive, which is the default. */
  ref(): void {
    this.#socket.setRef(true);
  }

  /** Lets the process end while the socket is open. Datagrams that are being sent
   * still keep it alive. */
  unref(): void {
    this.#socket.setRef(false);
  }

  /** The datagrams as they arrive, until the socket is closed. The caller may keep
   * their data. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Datagram<A>, undefined> {
    const socket = this.#socket;
    return new DatagramIterator(
      socket,
      (batch) => batch.shift(),
      () => socket.close(),
    );
  }

  /**
   * The same loop with a limit on each turn.
   *
   * @param options how long each turn may wait, and what ends it. As any other error
   * in the loop, that closes the socket: to go on after a timeout, use `receive()`.
   * @throws {SocketError} `ETIMEDOUT` from the loop, after `timeout`.
   * @throws the reason of `signal` from the loop, when that aborts.
   *
   * @example
   * ```ts
   * import { bind } from "iocp";
   *
   * using socket = bind({ hostname: "127.0.0.1", port: 0 });
   * await socket.send(new Uint8Array(100), socket.addr);
   * for await (const { data } of socket.datagrams({ timeout: 5_000 })) {
   *   console.log(data.length);
   *   break;
   * }
   * ```
   */
  datagrams(
    options: OperationOptions,
  ): AsyncIterableIterator<Datagram<A>, undefined> {
    const socket = this.#socket;
    return new DatagramIterator(
      socket,
      (batch) => batch.shift(),
      () => socket.close(),
      operationLimits(options),
    );
  }

  /**
   * The same loop with all datagrams that have arrived together, at least one,
   * which costs less for each of them.
   *
   * @param options how long each turn may wait, and what ends it. As any other error
   * in the loop, that closes the socket: to go on after a timeout, use `receive()`.
   *
   * @example
   * ```ts
   * import { bind } from "iocp";
   *
   * using socket = bind({ hostname: "127.0.0.1", port: 0 });
   * await socket.send(new Uint8Array(100), socket.addr);
   * for await (const batch of socket.batches()) {
   *   for (const { data, addr } of batch) console.log(data.length, addr.port);
   *   break;
   * }
   * ```
   */
  batches(
    options?: OperationOptions,
  ): AsyncIterableIterator<Datagram<A>[], undefined> {
    const socket = this.#socket;
    return new DatagramIterator(
      socket,
      (batch) => batch.shiftAll(),
      () => socket.close(),
      optionalLimits(options),
    );
  }

  /**
   * The same batches, each of which is lent until the next one is requested. Its
   * memory is used again then, which makes long datagrams much cheaper. Data that is
   * kept longer is empty at some time after that (its `length` is 0), and never has the
   * bytes of another datagram. To keep it, copy it: `data.slice()`. Await sends of it
   * before the next turn, and do not transfer its buffer, which has datagrams and bytes
   * of other sockets too: these would fail with `EFAULT`.
   *
   * @param options as for `batches()`.
   *
   * @example
   * ```ts
   * import { bind } from "iocp";
   *
   * using socket = bind({ hostname: "127.0.0.1", port: 0 });
   * await socket.send(new Uint8Array(1200), socket.addr);
   * for await (const batch of socket.leased()) {
   *   for (const { data, addr } of batch) await socket.send(data, addr);
   *   break;
   * }
   * ```
   */
  leased(
    options?: OperationOptions,
  ): AsyncIterableIterator<Datagram<A>[], undefined> {
    return new LeasedBatches(this.#socket, optionalLimits(options));
  }

  /** The same as `close()`. */
  [Symbol.dispose](): void {
    this.#socket.close();
  }

  /** Closes, and waits until everything is sent that the system had no room for
   * yet. */
  [Symbol.asyncDispose](): Promise<void> {
    const socket = this.#socket;
    socket.close();
    return new Promise((resolve) => socket.onReleased(resolve));
  }
}

function shown(addr: DatagramAddr): string {
  return addr.transport === "udp"
    ? formatHost(addr.hostname, addr.port)
    : shownPath(addr.path);
}
