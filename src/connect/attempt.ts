// Copyright the iocp authors. MIT license.

import { encodeAddress, formatIp, type IpAddress } from "../native/address.ts";
import { RESET } from "../native/completion.ts";
import { errorOf, SocketError } from "../errors.ts";
import type { Group } from "../loop/group.ts";
import type { Endpoint } from "../loop/endpoint.ts";
import type { Loop } from "../loop/loop.ts";
import type { ConnectSettings } from "../options/connect.ts";
import { Socket } from "../socket/socket.ts";

/** The host of a failed connect(). */
type Destination = Pick<ConnectSettings, "hostname" | "port">;

/** The error of a connect() whose completion port was closed. */
export function connectInterrupted(
  { hostname: address, port }: Destination,
): SocketError {
  return new SocketError("EINTR", {
    syscall: "connect",
    address,
    port,
    detail: "the completion port was closed",
  });
}

/** The error of a connect() whose timeout has passed. */
export function connectTimedOut(
  { hostname: address, port }: Destination,
): SocketError {
  return new SocketError("ETIMEDOUT", { syscall: "connect", address, port });
}

/** What an {@linkcode Attempt} needs. */
export interface AttemptOptions {
  readonly group: Group;
  readonly settings: ConnectSettings;
  readonly ip: IpAddress;
  /** The address to connect from; undefined leaves it to the system. */
  readonly local: IpAddress | undefined;
  /** Called once, unless the attempt is abandoned before. */
  readonly onDone: (attempt: Attempt, error?: SocketError) => void;
}

/** A socket that connects to one address. */
export class Attempt implements Endpoint {
  readonly id: number;
  readonly #loop: Loop;
  readonly #settings: ConnectSettings;
  readonly #address: string;
  readonly #onDone: AttemptOptions["onDone"];
  /** It has failed or was abandoned, or its socket has become a connection. */
  #isOver = false;

  constructor({ group, settings, ip, local, onDone }: AttemptOptions) {
    group.requireOpen("connect");
    const { loop } = group;
    this.#loop = loop;
    this.#settings = settings;
    this.#address = formatIp(ip);
    this.#onDone = onDone;
    const result = loop.port.connect(
      encodeAddress(ip, settings.port),
      local === undefined ? null : encodeAddress(local, 0),
    );
    if (result < 0) throw loop.port.error(result, this.#context());
    this.id = result;
    group.join(result);
    loop.add(this);
  }

  #context() {
    const { port } = this.#settings;
    return { syscall: "connect", address: this.#address, port };
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
    const { conn } = this.#settings;
    const socket = new Socket(this.#loop, this.id, conn, "new");
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
    const { port } = this.#settings;
    this.#onDone(this, connectInterrupted({ hostname: this.#address, port }));
  }
}
