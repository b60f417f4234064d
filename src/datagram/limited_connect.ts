// Copyright the iocp authors. MIT license.

import type { DatagramAddr } from "./address.ts";
import type { BoundSocket } from "./bound_socket.ts";
import type { Destination } from "./datagram.ts";
import { LimitedCall } from "../loop/limited_call.ts";
import type { Limits } from "../options/operation.ts";
import { Sending } from "./sending.ts";
import { timedOut } from "../errors.ts";

/** A connect() with a timeout or a signal, which end the look-up of a host name and
 * the wait for earlier sends. */
export class LimitedConnect<A extends DatagramAddr> extends LimitedCall<void> {
  readonly #socket: BoundSocket<A>;
  readonly #addr: Destination<A>;
  readonly #sending = new Sending();

  constructor(socket: BoundSocket<A>, addr: Destination<A>, limits: Limits) {
    super(socket.loop, limits);
    this.#socket = socket;
    this.#addr = addr;
  }

  protected start(): void {
    const { destinations } = this.#socket;
    this.#requireOpen();
    const found = destinations.find("addr", this.#addr);
    if (found instanceof Promise) found.then(this.#connect).catch(this.#failed);
    else this.#connect(found);
  }

  #connect = (struct: Uint8Array): void => {
    const socket = this.#socket;
    if (this.#sending.isStopped) return;
    this.#requireOpen();
    /* It has a result as soon as the socket is connected, not when a promise says
     * so: an abort after that has no effect. */
    const connect = () => {
      socket.connect(struct);
      this.resolve();
    };
    socket.send.inTurn("connect", connect, this.#sending).catch(this.#failed);
  };

  #failed = (error: unknown): void => this.reject(error);

  #requireOpen(): void {
    const socket = this.#socket;
    if (socket.isClosed) throw socket.closedError("connect");
  }

  protected withdraw(): void {
    this.#sending.stop();
  }

  protected timeoutError(): Error {
    /* It has been checked: what is pending has begun. */
    const addr = this.#addr as {
      hostname: string;
      port: number;
      path?: string;
    };
    const { hostname, port, path } = addr;
    const where = path === undefined
      ? { address: hostname, port }
      : { address: path };
    return timedOut("connect", where);
  }
}
