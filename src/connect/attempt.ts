// Copyright the iocp authors. MIT license.

import { RESET } from "../native/completion.ts";
import { errorOf, SocketError } from "../errors.ts";
import type { Group } from "../loop/group.ts";
import type { Endpoint } from "../loop/endpoint.ts";
import type { Loop } from "../loop/loop.ts";
import type { ConnSettings } from "../options/conn.ts";
import { Socket } from "../socket/socket.ts";

/** The host or path of a connect(), as its errors have it. */
export interface Destination {
  readonly address: string;
  readonly port?: number | undefined;
}

/** The error of a connect() whose completion port was closed. */
export function connectInterrupted(destination: Destination): SocketError {
  return new SocketError("EINTR", {
    syscall: "connect",
    ...destination,
    detail: "the completion port was closed",
  });
}

/** The error of a connect() whose timeout has passed. */
export function connectTimedOut(destination: Destination): SocketError {
  return new SocketError("ETIMEDOUT", { syscall: "connect", ...destination });
}

/** What an {@linkcode Attempt} needs. */
export interface AttemptOptions {
  readonly group: Group;
  readonly conn: ConnSettings;
  readonly destination: Destination;
  /** The same as a struct iocp_address or iocp_path. */
  readonly remote: Uint8Array;
  /** The address to connect from; null leaves it to the system. */
  readonly local: Uint8Array | null;
  /** Called once, unless the attempt is abandoned before. */
  readonly onDone: (attempt: Attempt, error?: SocketError) => void;
}

/** A socket that connects to one address. */
export class Attempt implements Endpoint {
  readonly id: number;
  readonly #loop: Loop;
  readonly #conn: ConnSettings;
  readonly #destination: Destination;
  readonly #onDone: AttemptOptions["onDone"];
  /** It has failed or was abandoned, or its socket has become a connection. */
  #isOver = false;

  constructor(options: AttemptOptions) {
    const { group, conn, destination, remote, local, onDone } = options;
    group.requireOpen("connect");
    const { loop } = group;
    this.#loop = loop;
    this.#conn = conn;
    this.#destination = destination;
    this.#onDone = onDone;
    const result = loop.port.connect(remote, local);
    if (result < 0) throw loop.port.error(result, this.#context());
    this.id = result;
    group.join(result);
    loop.add(this);
  }

  #context() {
    return { syscall: "connect", ...this.#destination };
  }

  connected(result: number, errno: number): void {
    if (this.#isOver) return;
    if (result === 0) {
      this.#onDone(this);
      return;
    }
    this.abandon();
    this.#onDone(this, errorOf(result, { ...this.#context(), errno }));
  }

  closed(): void {}

  /**
   * The connection, once it is made.
   *
   * @throws {NotSupported} for an option that the system does not have.
   */
  toSocket(): Socket {
    const socket = new Socket(this.#loop, this.id, this.#conn, "new");
    this.#isOver = true;
    return socket;
  }

  /** Closes the socket. */
  abandon(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#loop.port.close(this.id, RESET, 0);
  }

  portClosed(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onDone(this, connectInterrupted(this.#destination));
  }
}
