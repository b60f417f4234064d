// Copyright the iocp authors. MIT license.

import type { DuplexLink } from "../views/duplex_link.ts";
import { setDscp, setKeepAlive, setNoDelay } from "../views/duplex_options.ts";
import { nextTick } from "../runtime/globals.ts";
import type { Socket } from "../socket/socket.ts";

/** What a socket has in `_handle`, as some libraries expect: null before connect() and
 * after the close. */
export class SocketHandle {
  /** Of an accepted connection, before it has a stream. */
  readonly accepted: Socket | undefined;
  /** Undefined while it connects. */
  link: DuplexLink | undefined;
  /** close() was called. */
  isClosed = false;
  /** The system's descriptor is not known. */
  readonly fd = -1;
  #isRef = true;

  constructor(accepted?: Socket) {
    this.accepted = accepted;
  }

  /** The connection, before its end. */
  get #open(): Socket | undefined {
    const connection = this.link?.socket ?? this.accepted;
    return connection?.isReleased ? undefined : connection;
  }

  setNoDelay(enable: boolean): void {
    this.#applyNoDelay(enable);
  }

  /** Sets the option of a new connection, where it is given. Programs replace
   * setNoDelay() to see what is set, and Node does not call it for false, its default. */
  setInitialNoDelay(noDelay: boolean | undefined): void {
    if (noDelay) this.setNoDelay(true);
    else if (noDelay === false) this.#applyNoDelay(false);
  }

  #applyNoDelay(enable: boolean): void {
    const connection = this.#open;
    if (connection !== undefined) setNoDelay(connection, enable);
  }

  /** The delay is in seconds; 0 leaves it as it is. */
  setKeepAlive(enable: boolean, initialDelay: number): void {
    const connection = this.#open;
    if (connection === undefined) return;
    setKeepAlive(connection, enable, initialDelay * 1000);
  }

  /** Sets the upper six bits of the type of service, which the system has. */
  setTypeOfService(value: number): void {
    const connection = this.#open;
    if (connection !== undefined) setDscp(connection, value >> 2);
  }

  /** Node's http asks for it when it keeps the connection. Nothing tracks this one: 0
   * is the id of that. */
  getAsyncId(): number {
    return 0;
  }

  hasRef(): boolean {
    return this.#isRef;
  }

  ref(): void {
    this.#isRef = true;
    this.link?.activity.setRef(true);
  }

  unref(): void {
    this.#isRef = false;
    this.link?.activity.setRef(false);
  }

  /** Closes the connection below the stream. */
  close(callback?: () => void): void {
    this.isClosed = true;
    this.#open?.abandon();
    if (callback !== undefined) nextTick(callback);
  }
}
