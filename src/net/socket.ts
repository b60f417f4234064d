// Copyright the iocp authors. MIT license.
/* The Socket of iocp/net: a stream that may exist before its connection and be used
 * again after it. A rule that is not explained here is one of the documentation of
 * node:net. */

import { callable } from "./callable.ts";
import { Connecting, type ConnectOwner } from "./connecting.ts";
import { connectRequest } from "./connect_request.ts";
import {
  alreadyConnected,
  badHandle,
  closedBefore,
  wrongHandle,
} from "./net_error.ts";
import { closedSocket } from "../views/duplex_error.ts";
import { DuplexLink, makeWriteAfterEnd } from "../views/duplex_link.ts";
import { extendTlsSocket } from "../views/tls_members.ts";
import { Duplex } from "./node_parts.ts";
import { nextTick } from "../runtime/globals.ts";
import { normalizeArgs } from "./arguments.ts";
import { runtime } from "../runtime/detect.ts";
import { givenConnection, openOptions, SocketState } from "./socket_state.ts";
import { SocketHandle } from "./socket_handle.ts";
import { SocketMembers } from "./socket_members.ts";
import type { Socket as Connection } from "../socket/socket.ts";
import type {
  Callback,
  Duplex as Stream,
  WrittenChunk,
} from "../runtime/node_types.ts";

/** What a server of sockets needs to know of its own. */
export interface SocketServer {
  _connections: number;
  _emitCloseIfDrained(): void;
}

/* The most bytes of one "data" event, as in Node. */
const CHUNK_MAX = 64 * 1024;

const plainWrite = Duplex.prototype.write as (...values: unknown[]) => boolean;
const writeAfterEnd = makeWriteAfterEnd(plainWrite);

function onEnd(this: NetSocket): void {
  if (!this.allowHalfOpen) this.write = writeAfterEnd as typeof this.write;
}

/* Users get it as a function, which calls _init() in place of a constructor. */
class NetSocket extends SocketMembers {
  declare _server: SocketServer | null;
  declare server: SocketServer | null;
  declare _hadError: boolean;
  declare _host: string | null;
  declare autoSelectFamilyAttemptedAddresses: string[] | undefined;

  _init(given?: unknown): void {
    const options = openOptions(given);
    /* A TLSSocket may be made from it before it connects. */
    extendTlsSocket(isNetSocket);
    this._state = new SocketState(options);
    this.connecting = false;
    this._handle = null;
    this._hadError = false;
    this._host = null;
    this.timeout = 0;
    this.server = this._server = null;
    this.on("end", onEnd);
    const connection = givenConnection(options);
    if (connection !== undefined) {
      const { handle } = options;
      this._handle = handle instanceof SocketHandle
        ? handle
        : new SocketHandle();
      this._attach(this._handle, connection);
      /* The server has set them. */
      if (this._handle.accepted === undefined) {
        this._state.applyInitial(this._handle);
      }
      if (options["pauseOnCreate"]) this.pause();
      if (!this.isPaused() && !options["manualStart"]) this.read(0);
      else this._handle.link?.activity.setReading(false);
    }
    const { signal } = this._state;
    if (signal !== undefined) SocketState.abortWith(signal, this);
  }

  /* ---- connecting */

  connect(...args: unknown[]): this {
    const [options, callback] = normalizeArgs(args);
    const state = this._state;
    const request = connectRequest(options, state.blockList);
    if (this.write !== plainWrite) {
      delete (this as { write?: unknown }).write;
    }
    const isReused = this.destroyed;
    if (isReused) {
      this._handle = null;
      state.restart();
      this._undestroy();
    }
    if (this._handle !== null) {
      const { address, port } = state.link?.remote ?? {};
      const error = alreadyConnected(this.connecting, { address, port });
      nextTick(() => this.destroy(error));
      return this;
    }
    state.setInitial(options);
    if (callback !== null) this.once("connect", callback);
    this.connecting = true;
    const handle = this._handle = new SocketHandle();
    this.autoSelectFamilyAttemptedAddresses = undefined;
    this._host = request.path === undefined ? request.host : null;
    state.timer?.refresh();
    const self: NetSocket = this;
    const owner: ConnectOwner = {
      emit: (event, ...values) => this.emit(event, ...values),
      get isRef() {
        return state.isRef;
      },
      get autoSelectFamilyAttemptedAddresses() {
        return self.autoSelectFamilyAttemptedAddresses;
      },
      set autoSelectFamilyAttemptedAddresses(tried) {
        self.autoSelectFamilyAttemptedAddresses = tried;
      },
      connected: (connection) => this._connected(handle, connection),
      failed: (error) => this.destroy(error as Error),
    };
    const connecting = state.connecting = new Connecting(owner, request);
    /* The "close" of the last connection comes before anything of this one. */
    if (isReused) runtime.defer(() => connecting.start());
    else connecting.start();
    return this;
  }

  _connected(handle: SocketHandle, connection: Connection): void {
    this._state.connecting = undefined;
    this.connecting = false;
    this._attach(handle, connection);
    this._state.applyInitial(handle);
    /* What comes is emitted later. It reads before these events, so that it goes on
     * when a listener throws. The stream itself does not repeat its first request. */
    if (this.isPaused()) handle.link?.activity.setReading(false);
    else handle.link?.reader.start();
    this.emit("connect");
    this.emit("ready");
  }

  /* Takes a connection that exists. */
  _attach(handle: SocketHandle, connection: Connection): void {
    const state = this._state;
    const link = new DuplexLink(
      this as unknown as Stream,
      connection,
      CHUNK_MAX,
    );
    handle.link = state.link = link;
    link.activity.follow(state.timer);
    if (!state.isRef) link.activity.setRef(false);
  }

  /* ---- the stream */

  override _read(): void {
    const link = this._handle?.link;
    if (link !== undefined) link.reader.start();
    else if (this.connecting) this.once("connect", () => this._read());
  }

  override push(chunk: Uint8Array | null): boolean {
    const { onread } = this._state;
    if (chunk === null || onread === undefined) return super.push(chunk);
    onread.push(chunk, this);
    const link = this._handle?.link;
    if (!onread.isPaused && link !== undefined) {
      /* Nothing else asks for more, since the stream stays empty. */
      Promise.resolve().then(() => link.reader.start());
    }
    return !onread.isPaused;
  }

  override pause(): this {
    const { onread } = this._state;
    if (onread !== undefined) onread.isPaused = true;
    this._handle?.link?.reader.pause();
    return super.pause();
  }

  override resume(): this {
    const { onread } = this._state;
    if (onread?.isPaused) {
      onread.resume(this);
      if (!onread.isPaused) this._handle?.link?.reader.start();
    }
    this._handle?.link?.reader.resume();
    return super.resume();
  }

  override read(size?: number): unknown {
    if (this.readableLength === 0) this._handle?.link?.reader.resume();
    return super.read(size);
  }

  override _write(
    chunk: Uint8Array | string,
    encoding: string,
    callback: Callback,
  ): void {
    this._writev([{ chunk, encoding }], callback);
  }

  override _writev(chunks: WrittenChunk[], callback: Callback): void {
    const writer = this._handle?.link?.writer;
    if (writer !== undefined && !this._handle!.isClosed) {
      writer.write(chunks, callback);
      return;
    }
    const { connecting } = this._state;
    if (connecting !== undefined) connecting.waiting = chunks;
    this._whenOpen(callback, ({ writer }) => {
      writer.write(chunks, callback);
    });
  }

  override _final(callback: Callback): void {
    if (this._handle === null) callback();
    else this._whenOpen(callback, (link) => link.end(callback));
  }

  _whenOpen(fail: Callback, run: (link: DuplexLink) => void): void {
    const handle = this._handle;
    if (handle?.isClosed) {
      fail(badHandle());
      return;
    }
    if (handle?.link !== undefined) {
      run(handle.link);
      return;
    }
    if (!this.connecting) {
      fail(closedSocket());
      return;
    }
    const onClose = () => {
      this.removeListener("connect", onConnect);
      fail(closedBefore());
    };
    const onConnect = () => {
      this.removeListener("close", onClose);
      this._whenOpen(fail, run);
    };
    this.once("connect", onConnect);
    this.once("close", onClose);
  }

  override _destroy(error: Error | null, callback: Callback): void {
    const state = this._state;
    const link = this._handle?.link;
    this._handle = null;
    this.connecting = false;
    state.timer?.stop();
    state.timer = undefined;
    const close = (hadError: boolean) => {
      this._hadError = hadError;
      this.emit("close", hadError);
    };
    if (link !== undefined) {
      const { isDestroyedSoon } = state;
      link.close(error, { isDestroyedSoon, resetsOnError: false }, close);
      callback(error);
    } else {
      const { connecting } = state;
      state.connecting = undefined;
      connecting?.cancel();
      callback(error);
      const closed = () => close(Boolean(error));
      if (connecting === undefined) nextTick(closed);
      else runtime.defer(closed);
    }
    const server = this._server;
    if (server === null) return;
    this._server = null;
    server._connections--;
    server._emitCloseIfDrained();
  }

  destroySoon(): void {
    this._state.isDestroyedSoon = true;
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once("finish", () => this.destroy());
  }

  resetAndDestroy(): this {
    const link = this._handle?.link;
    if (link !== undefined) {
      if (link.socket.settings.transport !== undefined) throw wrongHandle();
      link.socket.reset();
      return this.destroy();
    }
    if (!this.connecting) return this.destroy(closedSocket());
    this.once("connect", () => this.resetAndDestroy());
    return this;
  }
}

export type { NetSocket };

/** The constructor, which may be called without `new`. */
export const Socket: new (options?: unknown) => NetSocket = callable(
  "Socket",
  NetSocket,
  (self, [given]) => Duplex.call(self, SocketState.streamOptions(given)),
);

function isNetSocket(value: unknown): boolean {
  return value instanceof Socket;
}

/** Makes a socket and connects it: `net.connect()`. */
export function connect(...args: unknown[]): NetSocket {
  const normalized = normalizeArgs(args);
  const [options] = normalized;
  const socket = new Socket(options);
  if (options["timeout"]) socket.setTimeout(options["timeout"] as number);
  return socket.connect(normalized);
}
