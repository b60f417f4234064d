// Copyright the iocp authors. MIT license.

import { Attempt } from "./attempt.ts";
import type { SocketError } from "../errors.ts";
import type { Group } from "../loop/group.ts";
import { pathError, permittedPath, structOf } from "./path_access.ts";
import type { PathConnectSettings } from "../options/path.ts";
import type { Socket } from "../socket/socket.ts";

/** What {@linkcode PathConnecting} needs. */
export interface PathConnectingOptions {
  readonly group: Group;
  readonly settings: PathConnectSettings;
  /** One of these two is called, once. */
  readonly resolve: (socket: Socket) => void;
  readonly reject: (error: unknown) => void;
}

/** A connect() to a local socket, which has one address. */
export class PathConnecting {
  readonly #options: PathConnectingOptions;
  readonly #attempt: Attempt;

  /**
   * @throws {SocketError} when the system refuses at once.
   * @throws the runtime's own error when the user refuses the permission.
   */
  constructor(options: PathConnectingOptions) {
    const { group, settings: { addr, conn } } = options;
    const permitted = permittedPath(addr);
    this.#options = options;
    try {
      this.#attempt = new Attempt({
        group,
        conn,
        destination: { address: addr.path },
        remote: structOf(permitted, "connect"),
        local: null,
        onDone: this.#done,
      });
    } catch (error) {
      throw pathError(addr, error as SocketError);
    }
  }

  /** Stops, and rejects with `error`. */
  cancel(error: unknown): void {
    this.#attempt.abandon();
    this.#options.reject(error);
  }

  #done = (attempt: Attempt, error?: SocketError): void => {
    const { settings: { addr }, resolve, reject } = this.#options;
    if (error !== undefined) {
      reject(pathError(addr, error));
      return;
    }
    try {
      resolve(attempt.toSocket());
    } catch (error) {
      attempt.abandon();
      reject(error);
    }
  };
}
