// Copyright the iocp authors. MIT license.
/* A connection as Node's stream.Duplex. It behaves like a net.Socket: a rule that
 * is not explained here is one of Node's lib/net.js. Its public type is
 * SocketDuplex. */

import { requireCallback, timerDuration } from "./duplex_arguments.ts";
import { DuplexLink, makeWriteAfterEnd } from "./duplex_link.ts";
import { setKeepAlive, setNoDelay } from "./duplex_options.ts";
import { runtime } from "../runtime/detect.ts";
import { nodeModule } from "../runtime/globals.ts";
import type { NodeAddress } from "./node_address.ts";
import type {
  Callback,
  Duplex,
  DuplexClass,
  WrittenChunk,
} from "../runtime/node_types.ts";
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
    runtime.extendDuplex(Class.prototype);
  }
  return new SocketDuplexClass(socket) as unknown as SocketDuplex;
}

/* Makes the class when it is first used, since node:stream is loaded only then. */
function makeClass(): new (socket: Socket) => Duplex {
  const { Duplex } = nodeModule<{ Duplex: DuplexClass }>("node:stream");

  /* The write() after the peer's end has ended this direction too. */
  const writeAfterEnd = makeWriteAfterEnd(
    Duplex.prototype.write as (...values: unknown[]) => boolean,
  );

  function onEnd(this: Duplex): void {
    if (!this.allowHalfOpen) this.write = writeAfterEnd;
  }

  return class SocketDuplex extends Duplex {
    readonly #link: DuplexLink;
    /** destroySoon() was called. */
    #isDestroyedSoon = false;

    /** The argument of setTimeout(), in milliseconds. */
    timeout: number | undefined;

    constructor(socket: Socket) {
      super({
        allowHalfOpen: socket.settings.allowHalfOpen,
        /* _destroy() emits "close", with an argument. */
        emitClose: false,
        decodeStrings: false,
        readableHighWaterMark: HIGH_WATER_MARK,
        writableHighWaterMark: HIGH_WATER_MARK,
      });
      this.#link = new DuplexLink(this, socket);
      this.on("end", onEnd);
      /* Starts to read before anything is requested, to notice the peer's end. */
      this.read(0);
    }

    get bufferSize(): number | undefined {
      return this.destroyed ? undefined : this.writableLength;
    }

    get bytesRead(): number {
      return this.#link.reader.bytesRead;
    }

    get bytesWritten(): number {
      return this.#link.bytesWritten;
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
      return this.#link.local.address;
    }

    get localPort(): number | undefined {
      return this.#link.local.port;
    }

    get localFamily(): string | undefined {
      return this.#link.local.family;
    }

    get remoteAddress(): string | undefined {
      return this.#link.remote.address;
    }

    get remotePort(): number | undefined {
      return this.#link.remote.port;
    }

    get remoteFamily(): string | undefined {
      return this.#link.remote.family;
    }

    address(): Partial<NodeAddress> {
      return this.#link.local;
    }

    setTimeout(ms: number, callback?: () => void): this {
      if (this.destroyed) return this;
      const duration = timerDuration(ms);
      requireCallback(callback);
      this.timeout = ms;
      this.#link.activity.setTimeout(duration, this);
      if (callback === undefined) return this;
      if (duration === 0) this.removeListener("timeout", callback);
      else this.once("timeout", callback);
      return this;
    }

    setNoDelay(noDelay = true): this {
      setNoDelay(this.#link.socket, Boolean(noDelay));
      return this;
    }

    setKeepAlive(enable = false, initialDelay = 0): this {
      setKeepAlive(this.#link.socket, Boolean(enable), initialDelay);
      return this;
    }

    ref(): this {
      this.#link.activity.setRef(true);
      return this;
    }

    unref(): this {
      this.#link.activity.setRef(false);
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
      this.#link.socket.reset();
      return this.destroy();
    }

    override pause(): this {
      this.#link.reader.pause();
      return super.pause();
    }

    override resume(): this {
      this.#link.reader.resume();
      return super.resume();
    }

    override read(size?: number): unknown {
      if (this.readableLength === 0) this.#link.reader.resume();
      return super.read(size);
    }

    override _read(): void {
      this.#link.reader.start();
    }

    override _write(
      chunk: Uint8Array | string,
      encoding: string,
      callback: Callback,
    ): void {
      this.#link.writer.write([{ chunk, encoding }], callback);
    }

    override _writev(chunks: WrittenChunk[], callback: Callback): void {
      this.#link.writer.write(chunks, callback);
    }

    override _final(callback: Callback): void {
      this.#link.end(callback);
    }

    override _destroy(error: Error | null, callback: Callback): void {
      const close = (hadError: boolean) => this.emit("close", hadError);
      const rules = {
        isDestroyedSoon: this.#isDestroyedSoon,
        resetsOnError: true,
      };
      this.#link.close(error, rules, close);
      callback(error);
    }
  };
}
