// Copyright the iocp authors. MIT license.

import { type DatagramAddr, decodeStruct, errorAddress } from "./address.ts";
import { errorOf, SocketError } from "../errors.ts";
import { GRACEFUL, LOCAL, RESET } from "../native/completion.ts";
import type { DatagramSettings } from "../options/datagram.ts";
import type { DatagramStats } from "../stats.ts";
import type { Destinations } from "./destinations.ts";
import type { Endpoint } from "../loop/endpoint.ts";
import type { Loop } from "../loop/loop.ts";
import { type ReceiveOwner, ReceiveQueue } from "./receive_queue.ts";
import { type SendOwner, SendQueue } from "./send_queue.ts";

/** How long a close waits for datagrams that the system has no room for yet, in
 * milliseconds. */
const CLOSE_TIMEOUT_MS = 5_000;

/** A datagram socket of a loop. The public class is DatagramSocket. */
export class BoundSocket<A extends DatagramAddr>
  implements Endpoint, ReceiveOwner, SendOwner {
  readonly loop: Loop;
  readonly id: number;
  settings: DatagramSettings;
  readonly destinations: Destinations;
  readonly receive: ReceiveQueue<A>;
  readonly send: SendQueue;
  lastError: SocketError | undefined;
  readonly #bound: A;
  #address: A;
  #remoteAddress: A | undefined;
  #isClosed = false;
  /** Its last completion has come, or its port was closed. */
  #isReleased = false;
  #isUnref = false;
  #isHolding = false;
  #onReleased: (() => void)[] = [];

  constructor(
    loop: Loop,
    id: number,
    settings: DatagramSettings,
    destinations: Destinations,
  ) {
    this.loop = loop;
    this.id = id;
    this.settings = settings;
    this.destinations = destinations;
    this.#address = this.#bound = this.#localAddress();
    this.receive = new ReceiveQueue(this);
    this.send = new SendQueue(this);
    loop.add(this);
    this.#updateHold();
  }

  /** It was closed, by the user or with its port. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  get isConnected(): boolean {
    return this.#remoteAddress !== undefined;
  }

  get isUnix(): boolean {
    return this.destinations.isUnix;
  }

  /* ---- completions */

  datagrams(
    slab: Uint8Array<ArrayBuffer>,
    offset: number,
    count: number,
  ): void {
    this.receive.received(slab, offset, count);
  }

  receiveEnded(result: number, errno: number): void {
    this.receive.failed(result, errno);
  }

  readable(): void {
    this.receive.readable();
  }

  sent(result: number, errno: number): void {
    this.send.sent(result, errno);
  }

  closed(): void {
    this.#release("the socket was closed");
  }

  portClosed(): void {
    this.#release("its completion port was closed");
  }

  /* ---- errors */

  /** Makes the error for a negative result, which is then the last one. `to` is
   * the destination of a datagram. */
  failure(
    result: number,
    syscall: string,
    errno?: number,
    to?: Uint8Array | null,
  ): SocketError {
    const peer = to ? decodeStruct(to) : this.#remoteAddress ?? this.#address;
    const options = { syscall, ...errorAddress(peer) };
    return this.lastError = errno === undefined
      ? this.loop.port.error(result, options)
      : errorOf(result, { ...options, errno });
  }

  /** The error of every call after the close. */
  closedError(syscall: string, action?: string): SocketError {
    return new SocketError("EBADF", {
      syscall,
      action,
      detail: "the socket is closed",
    });
  }

  report(error: SocketError): void {
    this.lastError = error;
    const { onError } = this.settings;
    /* No code of the user's may run during a turn. What it throws is an unhandled
     * rejection, since nothing could catch it. */
    if (onError !== undefined) Promise.resolve(error).then(onError);
  }

  /* ---- addresses and counters */

  get address(): A {
    return this.#address;
  }

  /** The address that it is connected to. */
  get remoteAddress(): A | undefined {
    return this.#remoteAddress;
  }

  #localAddress(): A {
    const { port } = this.loop;
    return decodeStruct(port.addressBytes(this.id, LOCAL)) as A;
  }

  /** Connects it to the address of the struct; null: to none. */
  connect(struct: Uint8Array | null): void {
    const result = this.loop.datagrams.connect(this.id, struct);
    const remote = struct === null ? undefined : decodeStruct(struct) as A;
    if (result < 0) {
      const peer = remote && errorAddress(remote);
      throw this.loop.port.error(result, { syscall: "connect", ...peer });
    }
    this.#remoteAddress = remote;
    /* While it is connected, it has the address that leads there. */
    this.#address = remote === undefined ? this.#bound : this.#localAddress();
  }

  stats(): DatagramStats {
    if (this.#isClosed) throw this.closedError("ioctl");
    const stats = this.loop.port.socketStats(this.id);
    return {
      operations: stats.operations,
      receivesPosted: stats.receivesPosted,
      bytesPosted: stats.bytesPosted,
      bytesAhead: this.receive.ahead,
      sends: stats.sends,
      bytesUnsent: stats.bytesUnsent,
      bytesReceived: stats.bytesReceived,
      bytesSent: stats.bytesSent,
      datagramsReceived: stats.datagramsReceived,
      datagramsSent: stats.datagramsSent,
      datagramsDropped: stats.datagramsDropped,
    };
  }

  /* ---- keeping the process alive */

  setRef(isRef: boolean): void {
    this.#isUnref = !isRef;
    this.#updateHold();
  }

  sendsChanged(): void {
    this.#updateHold();
  }

  /* Waiting for datagrams keeps the process alive unless the user has changed
   * that; sending does in any case. */
  #updateHold(): void {
    const isWaiting = !this.#isUnref && !this.#isClosed;
    const holds = !this.#isReleased && (isWaiting || this.send.isBusy);
    if (holds === this.#isHolding) return;
    this.#isHolding = holds;
    if (holds) this.loop.ref();
    else this.loop.unref();
  }

  /* ---- closing */

  /** Receives no more. What the library has copied is still sent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const detail = "the socket was closed";
    this.receive.close(detail);
    this.send.close(detail);
    const mode = this.send.isBusy ? GRACEFUL : RESET;
    this.loop.port.close(this.id, mode, CLOSE_TIMEOUT_MS);
    this.#updateHold();
  }

  /** Calls `callback` when everything is sent, or has failed, after a close. It
   * must not run user code. */
  onReleased(callback: () => void): void {
    if (this.#isReleased) callback();
    else this.#onReleased.push(callback);
  }

  #release(detail: string): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#isClosed = true;
    this.receive.close(detail);
    this.send.closed(detail);
    this.#updateHold();
    for (const callback of this.#onReleased) callback();
    this.#onReleased = [];
  }
}
