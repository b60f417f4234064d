// Copyright the iocp authors. MIT license.
/* A connection as Node's stream.Duplex. It behaves like a net.Socket: a rule that
 * is not explained here is one of Node's lib/net.js. Its public type is
 * SocketDuplex. */

import { LOCAL, PEER } from "../native/completion.ts";
import { DuplexActivity } from "./duplex_activity.ts";
import { requireCallback, timerDuration } from "./duplex_arguments.ts";
import { endedByPeer, isAnswered } from "./duplex_error.ts";
import { DuplexReader } from "./duplex_reader.ts";
import { DuplexWriter } from "./duplex_writer.ts";
import { nextTick, nodeModule } from "../runtime/globals.ts";
import { changeOptions } from "../socket/socket_options.ts";
import { SECONDS_MAX } from "../options/keep_alive.ts";
import { type NodeAddress, nodeAddress } from "./node_address.ts";
import type { Callback, Duplex, DuplexClass } from "../runtime/node_types.ts";
import { runtime } from "../runtime/detect.ts";
import type { SocketDuplex } from "./socket_duplex.ts";
import type { Socket } from "../socket/socket.ts";
import { extendTlsSocket } from "./tls_members.ts";

/** The bytes that each direction buffers before it applies backpressure. */
const HIGH_WATER_MARK = 64 * 1024;

let SocketDuplexClass: (new (socket: Socket) => Duplex) | undefined;

/** Makes the duplex of an open connection. */
export function duplexOf(socket: Socket): SocketDuplex {
  if (SocketDuplexClass === undefined) {
    const Class = SocketDuplexClass = makeClass();
    extendTlsSocket((value) => value instanceof Class);
  }
  return new SocketDuplexClass(socket) as unknown as SocketDuplex;
}

/* Makes the class when it is first used, since node:stream is loaded only then. */
function makeClass(): new (socket: Socket) => Duplex {
  const { Duplex } = nodeModule<{ Duplex: DuplexClass }>("node:stream");

  /* The write() after the peer's end has ended this direction too. */
  function writeAfterEnd(this: Duplex, ...values: unknown[]): boolean {
    if (!this.writableEnded) {
      return Duplex.prototype.write.apply(this, values as [unknown]);
    }
    const error = endedByPeer();
    const callback = values.find((value) => typeof value === "function");
    if (callback !== undefined) nextTick(callback as () => void, error);
    this.destroy(error);
    return false;
  }

  function onEnd(this: Duplex): void {
    if (!this.allowHalfOpen) this.write = writeAfterEnd;
  }

  return class SocketDuplex extends Duplex {
    readonly #socket: Socket;
    readonly #activity: DuplexActivity;
    readonly #reader: DuplexReader;
    readonly #writer: DuplexWriter;
    /** destroySoon() was called. */
    #isDestroyedSoon = false;

    /** The argument of setTimeout(), in milliseconds. */
    timeout: number | undefined;

    constructor(socket: Socket) {
      super({
        allowHalfOpen: socket.settings.allowHalfOpen,
        /* _destroy() emits "close", with an argument. */
        emitClose: false,
        readableHighWaterMark: HIGH_WATER_MARK,
        writableHighWaterMark: HIGH_WATER_MARK,
      });
      this.#socket = socket;
      this.#activity = new DuplexActivity(socket);
      this.#reader = new DuplexReader(this, this.#activity);
      this.#writer = new DuplexWriter(this.#activity);
      socket.onReleased(this.#onReleased);
      this.on("end", onEnd);
      /* Starts to read before anything is requested, to notice the peer's end. */
      this.read(0);
    }

    /* The connection may also be closed by its Conn or with its port. An error
     * that causes the close is reported first, by a promise. */
    #onReleased = (): void => {
      /* The end() of a pipe, whose received bytes can still be read. */
      if (this.#socket.isPipe && this.writableEnded) return;
      Promise.resolve().then(() => nextTick(() => this.destroy()));
    };

    get bufferSize(): number | undefined {
      return this.destroyed ? undefined : this.writableLength;
    }

    get bytesRead(): number {
      return this.#reader.bytesRead;
    }

    get bytesWritten(): number {
      return this.#writer.sentBytes + this.writableLength;
    }

    get connecting(): boolean {
      return false;
    }

    get pending(): boolean {
      return this.destroyed;
    }

    get readyState(): string {
      if (this.readable) return this.writable ? "open" : "readOnly";
      return this.writable ? "writeOnly" : "closed";
    }

    get localAddress(): string | undefined {
      return nodeAddress(this.#socket.address(LOCAL)).address;
    }

    get localPort(): number | undefined {
      return nodeAddress(this.#socket.address(LOCAL)).port;
    }

    get localFamily(): string | undefined {
      return nodeAddress(this.#socket.address(LOCAL)).family;
    }

    get remoteAddress(): string | undefined {
      return nodeAddress(this.#socket.address(PEER)).address;
    }

    get remotePort(): number | undefined {
      return nodeAddress(this.#socket.address(PEER)).port;
    }

    get remoteFamily(): string | undefined {
      return nodeAddress(this.#socket.address(PEER)).family;
    }

    address(): Partial<NodeAddress> {
      return nodeAddress(this.#socket.address(LOCAL));
    }

    setTimeout(ms: number, callback?: () => void): this {
      if (this.destroyed) return this;
      const duration = timerDuration(ms);
      requireCallback(callback);
      this.timeout = ms;
      this.#activity.setTimeout(duration, () => {
        if (!this.destroyed) this.emit("timeout");
      });
      if (callback === undefined) return this;
      if (duration === 0) this.removeListener("timeout", callback);
      else this.once("timeout", callback);
      return this;
    }

    setNoDelay(noDelay = true): this {
      this.#attempt(() =>
        changeOptions(this.#socket, { noDelay: Boolean(noDelay) })
      );
      return this;
    }

    setKeepAlive(enable = false, initialDelay = 0): this {
      /* From milliseconds to seconds; 0 leaves the option unchanged. */
      const idle = Math.min(Math.ceil(initialDelay / 1000), SECONDS_MAX);
      const times = idle >= 1 ? { idle } : {};
      this.#attempt(() =>
        changeOptions(this.#socket, { keepAlive: enable ? times : false })
      );
      return this;
    }

    ref(): this {
      this.#activity.setRef(true);
      return this;
    }

    unref(): this {
      this.#activity.setRef(false);
      return this;
    }

    destroySoon(): void {
      this.#isDestroyedSoon = true;
      if (this.writable) this.end();
      if (this.writableFinished) this.destroy();
      else this.once("finish", () => this.destroy());
    }

    resetAndDestroy(): this {
      if (this.destroyed) return this;
      this.#socket.reset();
      return this.destroy();
    }

    override pause(): this {
      this.#reader.pause();
      return super.pause();
    }

    override resume(): this {
      if (this.#reader.isPaused) this.#reader.start();
      return super.resume();
    }

    override read(size?: number): unknown {
      if (this.#reader.isPaused && this.readableLength === 0) {
        this.#reader.start();
      }
      return super.read(size);
    }

    override _read(): void {
      this.#reader.start();
    }

    override _write(bytes: Uint8Array, _: string, callback: Callback): void {
      this.#writer.write([bytes], bytes.length, callback);
    }

    override _writev(
      chunks: { chunk: Uint8Array }[],
      callback: Callback,
    ): void {
      const parts = chunks.map(({ chunk }) => chunk);
      const length = parts.reduce((sum, part) => sum + part.length, 0);
      this.#writer.write(parts, length, callback);
    }

    override _final(callback: Callback): void {
      if (this.#socket.isPipe) this.#reader.end();
      this.#writer.end(callback);
    }

    override _destroy(error: Error | null, callback: Callback): void {
      const socket = this.#socket;
      const writer = this.#writer;
      this.#activity.end();
      const isEnding = this.writableEnded && !this.writableFinished;
      const hasAnswered = error !== null && isAnswered(error);
      /* What was written before an end() is complete, whatever error follows. */
      const isPartial = error !== null && !hasAnswered && !this.writableEnded;
      if (
        isPartial || !isEnding && writer.isPartlySent(this.writableLength)
      ) socket.reset();
      else if (isEnding || hasAnswered || this.#isDestroyedSoon) {
        writer.close(this.writableBuffer ?? []);
      } else socket.abandon();
      callback(error);
      const close = () => {
        this.emit("close", error !== null || isEnding && writer.hasFailed);
      };
      /* "close" comes after the callbacks of writes and, after an end(), when
       * everything is sent. */
      if (isEnding) socket.released().then(() => runtime.defer(close));
      else runtime.defer(close);
    }

    /* As for a net.Socket, an option that the system refuses, for example because
     * the peer is gone, is no error: the next read or write fails. */
    #attempt(setOption: () => void): void {
      try {
        setOption();
      } catch {
        /* See above. */
      }
    }
  };
}
