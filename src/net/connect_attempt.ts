// Copyright the iocp authors. MIT license.

import { Attempt } from "../connect/attempt.ts";
import type { ConnectRequest } from "./connect_request.ts";
import { SocketError } from "../errors.ts";
import { literalIp } from "../connect/literal_ip.ts";
import { netError, type Where } from "./net_error.ts";
import { netGroup } from "./net_group.ts";
import { pathError, permittedPath, structOf } from "../connect/path_access.ts";
import { encodeAddress, type IpAddress } from "../native/address.ts";
import type { PathAddr } from "../native/path.ts";
import { pathConnectSettings } from "../options/path.ts";
import { connSettings } from "../options/conn.ts";
import type { Found } from "./node_parts.ts";
import { runtime } from "../runtime/detect.ts";
import type { Socket } from "../socket/socket.ts";

/** Called with the connection or the error, once; it must not run user code. */
type Done = (socket: Socket | undefined, error: unknown) => void;

/** An attempt to connect to one address. */
export class ConnectAttempt {
  readonly #where: Where;
  readonly #open: (
    onDone: (attempt: Attempt, error?: Error) => void,
  ) => Attempt;
  readonly #addr: PathAddr | undefined;
  readonly #done: Done;
  #attempt: Attempt | undefined;
  #isOver = false;

  private constructor(
    where: Where,
    addr: PathAddr | undefined,
    open: (onDone: (attempt: Attempt, error?: Error) => void) => Attempt,
    done: Done,
  ) {
    this.#where = where;
    this.#addr = addr;
    this.#open = open;
    this.#done = done;
  }

  /** To a unix socket or a named pipe. */
  static toPath(path: string, done: Done): ConnectAttempt {
    const { addr, conn } = pathConnectSettings({ path, allowHalfOpen: true });
    const where = { address: path };
    return new ConnectAttempt(where, addr, (onDone) =>
      new Attempt({
        group: netGroup(),
        conn,
        destination: where,
        remote: structOf(permittedPath(addr), "connect"),
        local: null,
        onDone,
      }), done);
  }

  /** To an IP address, whose permission was requested. */
  static toAddress(
    request: ConnectRequest,
    { address, family }: Found,
    done: Done,
  ): ConnectAttempt {
    const { port, localPort } = request;
    const any = family === 4 ? "0.0.0.0" : "::";
    const localAddress = request.localAddress ??
      (localPort === undefined ? undefined : any);
    const where = { address, port, localAddress, localPort };
    return new ConnectAttempt(where, undefined, (onDone) =>
      new Attempt({
        group: netGroup(),
        conn: connSettings({
          noDelay: runtime.netNoDelay,
          allowHalfOpen: true,
        }),
        destination: { address, port },
        remote: encodeAddress(ipOf(address), port),
        local: localAddress === undefined
          ? null
          : encodeAddress(ipOf(localAddress), localPort ?? 0),
        onDone,
      }), done);
  }

  start(): void {
    try {
      this.#attempt = this.#open(this.#ended);
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Closes its socket. */
  abandon(): void {
    this.#isOver = true;
    this.#attempt?.abandon();
  }

  /** The error of an attempt that was given up. */
  timedOut(): Error {
    const error = new SocketError("ETIMEDOUT", { syscall: "connect" });
    return netError(error, "connect", this.#where);
  }

  #ended = (attempt: Attempt, error?: Error): void => {
    if (this.#isOver) return;
    if (error !== undefined) {
      this.#failed(error);
      return;
    }
    try {
      const socket = attempt.toSocket();
      this.#isOver = true;
      this.#done(socket, undefined);
    } catch (error) {
      attempt.abandon();
      this.#failed(error);
    }
  };

  #failed(error: unknown): void {
    this.#isOver = true;
    const shown = this.#addr !== undefined && error instanceof SocketError
      ? pathError(this.#addr, error)
      : error;
    this.#done(undefined, netError(shown, "connect", this.#where));
  }
}

function ipOf(address: string): IpAddress {
  const { native } = netGroup().loop;
  return literalIp(native, address, { syscall: "connect" })!;
}
