// Copyright the iocp authors. MIT license.

import { type DatagramAddr, errorAddress } from "./address.ts";
import type { BoundSocket } from "./bound_socket.ts";
import { addressAll } from "./outgoing.ts";
import { canceled, type SocketError, timedOut } from "../errors.ts";
import type { Destination, OutgoingDatagram } from "./datagram.ts";
import { LimitedCall } from "../loop/limited_call.ts";
import type { Limits } from "../options/operation.ts";
import { Sending } from "./sending.ts";

/* What a LimitedSend does. */
interface LimitedSendParts<F> {
  readonly sending: Sending;
  /** Finds the destinations. */
  find(): F | Promise<F>;
  /** Sends. */
  send(found: F): Promise<number>;
  /** Adds to the error how much was taken. */
  finish(error: SocketError): void;
}

/* A send() or sendMany() with a timeout or a signal, which also end the look-up of a
 * host name. What the library has taken is still sent. */
class LimitedSend<A extends DatagramAddr, F> extends LimitedCall<number> {
  readonly #socket: BoundSocket<A>;
  readonly #parts: LimitedSendParts<F>;

  constructor(
    socket: BoundSocket<A>,
    limits: Limits,
    parts: LimitedSendParts<F>,
  ) {
    super(socket.loop, limits);
    this.#socket = socket;
    this.#parts = parts;
  }

  /* The promise of a send that has succeeded may not have called back yet. */

  override expire(): void {
    if (!this.#parts.sending.isDone) super.expire();
  }

  override abort(reason: unknown): void {
    if (!this.#parts.sending.isDone) super.abort(reason);
  }

  protected start(): void {
    const found = this.#parts.find();
    if (found instanceof Promise) found.then(this.#send).catch(this.#failed);
    else this.#send(found);
  }

  #send = (found: F): void => {
    const { sending, send } = this.#parts;
    if (sending.isStopped) return;
    if (this.#socket.isClosed) throw this.#socket.closedError("sendto");
    send(found).then((count) => this.resolve(count), this.#failed);
  };

  #failed = (error: unknown): void => this.reject(error);

  protected withdraw(): void {
    this.#parts.sending.stop();
  }

  protected timeoutError(): Error {
    return this.#finished(timedOut("sendto", this.#where));
  }

  protected override abortError(reason: unknown): Error {
    return this.#finished(canceled("sendto", this.#where, reason));
  }

  get #where(): { address?: string; port?: number | undefined } {
    return errorAddress(this.#socket.address);
  }

  #finished(error: SocketError): SocketError {
    this.#parts.finish(error);
    return error;
  }
}

/** Sends a datagram within the limits. */
export function sendLimited<A extends DatagramAddr>(
  socket: BoundSocket<A>,
  data: Uint8Array,
  addr: Destination<A> | undefined,
  limits: Limits,
): Promise<number> {
  if (socket.isClosed) throw socket.closedError("sendto");
  const sending = new Sending(1);
  return new LimitedSend<A, Uint8Array | null>(socket, limits, {
    sending,
    find: () =>
      addr === undefined ? null : socket.destinations.find("addr", addr),
    send: (to) => socket.send.send(data, to, sending),
    finish: (error) => {
      /* Of an empty datagram the number of bytes says nothing. */
      const datagramsSent = sending.taken;
      const bytesWritten = datagramsSent * data.length;
      Object.assign(error, { bytesWritten, datagramsSent });
    },
  }).run();
}

/** Sends several within the limits. */
export function sendManyLimited<A extends DatagramAddr>(
  socket: BoundSocket<A>,
  datagrams: Iterable<OutgoingDatagram<A>>,
  limits: Limits,
): Promise<number> {
  if (socket.isClosed) throw socket.closedError("sendto");
  const sending = new Sending();
  return new LimitedSend(socket, limits, {
    sending,
    find: () => addressAll(socket.destinations, datagrams),
    send: (addressed) => {
      sending.total = addressed.length;
      return socket.send.sendMany(addressed, sending);
    },
    finish: (error) => {
      Object.assign(error, { datagramsSent: sending.taken });
    },
  }).run();
}
