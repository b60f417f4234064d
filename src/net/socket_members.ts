// Copyright the iocp authors. MIT license.
/* The members of a Socket of iocp/net beside its stream: what it is, and its
 * settings. */

import { Duplex } from "./node_parts.ts";
import type { NodeAddress } from "../views/node_address.ts";
import { requireCallback, timerDuration } from "../views/duplex_arguments.ts";
import { lengthOfChunks } from "../views/stream_chunks.ts";
import { requireTypeOfService } from "./arguments.ts";
import type { SocketHandle } from "./socket_handle.ts";
import type { SocketState } from "./socket_state.ts";
import { SocketTimer } from "./socket_timer.ts";

/** The parent of the class of sockets. */
export class SocketMembers extends Duplex {
  declare _state: SocketState;
  declare _handle: SocketHandle | null;
  declare connecting: boolean;
  declare timeout: number | undefined;

  /* ---- settings */

  setTimeout(ms: number, callback?: () => void): this {
    if (this.destroyed) return this;
    this.timeout = ms;
    const duration = timerDuration(ms);
    requireCallback(callback);
    const state = this._state;
    state.timer?.stop();
    state.timer = duration === 0 ? undefined : new SocketTimer(
      duration,
      () => state.link?.socket.send.offset ?? 0,
      () => {
        if (!this.destroyed) this.emit("timeout");
      },
    );
    this._handle?.link?.activity.follow(state.timer);
    if (callback === undefined) return this;
    if (duration === 0) this.removeListener("timeout", callback);
    else this.once("timeout", callback);
    return this;
  }

  setNoDelay(noDelay?: boolean): this {
    this._state.setNoDelay(
      this._handle,
      noDelay === undefined || Boolean(noDelay),
    );
    return this;
  }

  setKeepAlive(enable?: boolean, initialDelay?: number): this {
    this._state.setKeepAlive(this._handle, Boolean(enable), initialDelay);
    return this;
  }

  setTypeOfService(value: number): this {
    const checked = requireTypeOfService("tos", value);
    this._state.setTypeOfService(this._handle, checked);
    return this;
  }

  getTypeOfService(): number {
    return this._state.typeOfService;
  }

  ref(): this {
    return this._setRef(true);
  }

  unref(): this {
    return this._setRef(false);
  }

  _setRef(isRef: boolean): this {
    this._state.setRef(this._handle, isRef);
    return this;
  }

  /* ---- what it is */

  address(): Partial<NodeAddress> {
    return this._state?.link?.local ?? {};
  }

  get bufferSize(): number | undefined {
    return this._handle !== null ? this.writableLength : undefined;
  }

  get bytesRead(): number {
    return this._state?.link?.reader.bytesRead ?? 0;
  }

  get _bytesDispatched(): number {
    return this._state?.link?.writer.sentBytes ?? 0;
  }

  get bytesWritten(): number | undefined {
    const state = this._state;
    /* The prototype has the member too. */
    if (state?.link !== undefined) return state.link.bytesWritten;
    if (state?.connecting === undefined) return undefined;
    return lengthOfChunks(state.connecting.waiting) +
      lengthOfChunks(this.writableBuffer ?? []);
  }

  get _connecting(): boolean {
    return this.connecting;
  }

  get pending(): boolean {
    return this._handle === null || this.connecting;
  }

  get readyState(): string {
    if (this.connecting) return "opening";
    if (this.readable) return this.writable ? "open" : "readOnly";
    return this.writable ? "writeOnly" : "closed";
  }

  get localAddress(): string | undefined {
    return this._state?.link?.local.address;
  }

  get localPort(): number | undefined {
    return this._state?.link?.local.port;
  }

  get localFamily(): string | undefined {
    return this._state?.link?.local.family;
  }

  get remoteAddress(): string | undefined {
    return this._state?.link?.remote.address;
  }

  get remotePort(): number | undefined {
    return this._state?.link?.remote.port;
  }

  get remoteFamily(): string | undefined {
    return this._state?.link?.remote.family;
  }
}
