// Copyright the iocp authors. MIT license.
/* A connection as a Duplex of Node's, on top of its two queues. What users see
 * of it is a SocketDuplex. */

import { Chunks } from "./chunks.ts";
import { LOCAL, NO_DELAY, PEER } from "./completion.ts";
import {
  nextTick,
  nodeModule,
  type NodeTimer,
  nodeTimers as timers,
} from "./globals.ts";
import { SECONDS_MAX } from "./keep_alive.ts";
import { COPY_BELOW, type Result } from "./receive_queue.ts";
import type { SocketDuplex } from "./socket_duplex.ts";
import type { Stream } from "./stream.ts";

/** Bytes that each direction holds before it asks for patience. */
const HIGH_WATER_MARK = 64 * 1024;
/** Writes that came together leave as one up to this size: with several, the
 * system could hold the later ones back until the peer has answered. */
const JOIN_MAX = 64 * 1024;

/* The parts of Node's modules that are used here, so that users do not need
 * its types. https://nodejs.org/api/stream.html */
type Callback = (error?: Error | null) => void;
interface Duplex {
  readonly destroyed: boolean;
  readonly readable: boolean;
  readonly readableFlowing: boolean | null;
  readonly writable: boolean;
  readonly writableFinished: boolean;
  readonly writableLength: number;
  destroy(error?: Error): this;
  emit(event: string, ...values: unknown[]): boolean;
  end(): this;
  on(event: string, listener: () => void): this;
  once(event: string, listener: () => void): this;
  push(chunk: Uint8Array | null): boolean;
  read(size: number): unknown;
  removeListener(event: string, listener: () => void): this;
  _read(): void;
  _write(chunk: Uint8Array, encoding: string, callback: Callback): void;
  _writev(chunks: { chunk: Uint8Array }[], callback: Callback): void;
  _final(callback: Callback): void;
  _destroy(error: Error | null, callback: Callback): void;
}
interface DuplexClass {
  new (options: Record<string, unknown>): Duplex;
}
interface BufferClass {
  from(bytes: Uint8Array): Uint8Array;
  from(buffer: ArrayBufferLike, offset: number, length: number): Uint8Array;
  concat(parts: readonly Uint8Array[]): Uint8Array;
}

let SocketDuplexClass: (new (stream: Stream) => Duplex) | undefined;

/** Makes the duplex of a connection that is open. */
export function duplexOf(stream: Stream): SocketDuplex {
  SocketDuplexClass ??= makeClass();
  return new SocketDuplexClass(stream) as unknown as SocketDuplex;
}

function familyOf(hostname: string): "IPv4" | "IPv6" {
  return hostname.includes(":") ? "IPv6" : "IPv4";
}

/* Node's modules are loaded only for those who want a duplex. */
function makeClass(): new (stream: Stream) => Duplex {
  const { Duplex } = nodeModule<{ Duplex: DuplexClass }>("node:stream");
  const { Buffer } = nodeModule<{ Buffer: BufferClass }>("node:buffer");

  return class SocketDuplex extends Duplex {
    readonly #stream: Stream;
    readonly #chunks: Chunks;
    #bytesRead = 0;
    /** Bytes of the write that is in the queue. */
    #queuedBytes = 0;
    #sentBytes = 0;
    #timer: NodeTimer | undefined;
    /** How far the queue was when the timer was last looked at. */
    #lastOffset = 0;

    /** Milliseconds, as given to setTimeout(). */
    timeout: number | undefined;

    constructor(stream: Stream) {
      super({
        allowHalfOpen: stream.settings.allowHalfOpen,
        /* It is emitted with an argument; see _destroy(). */
        emitClose: false,
        readableHighWaterMark: HIGH_WATER_MARK,
        writableHighWaterMark: HIGH_WATER_MARK,
      });
      this.#stream = stream;
      this.#chunks = new Chunks(stream);
      stream.isLeftOpenAtEnd = true;
      /* It may also be closed by its Conn or with its port. */
      stream.released().then(() => this.destroy());
      /* Like a net.Socket it listens before anybody reads, and so it hears of
       * a peer that is gone. */
      this.read(0);
    }

    get bytesRead(): number {
      return this.#bytesRead;
    }

    get bytesWritten(): number {
      return this.#sentBytes + this.writableLength;
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

    get localAddress(): string {
      return this.#stream.address(LOCAL).hostname;
    }

    get localPort(): number {
      return this.#stream.address(LOCAL).port;
    }

    get localFamily(): string {
      return familyOf(this.localAddress);
    }

    get remoteAddress(): string {
      return this.#stream.address(PEER).hostname;
    }

    get remotePort(): number {
      return this.#stream.address(PEER).port;
    }

    get remoteFamily(): string {
      return familyOf(this.remoteAddress);
    }

    address(): { address: string; family: string; port: number } {
      const { hostname, port } = this.#stream.address(LOCAL);
      return { address: hostname, family: familyOf(hostname), port };
    }

    setTimeout(ms: number, callback?: () => void): this {
      requireDuration(ms);
      if (this.destroyed) return this;
      timers.clearTimeout(this.#timer);
      this.#timer = undefined;
      this.timeout = ms;
      if (ms === 0) {
        if (callback !== undefined) this.removeListener("timeout", callback);
        return this;
      }
      this.#lastOffset = this.#stream.send.offset;
      this.#timer = timers.setTimeout(this.#expired, ms);
      this.#timer.unref();
      if (callback !== undefined) this.once("timeout", callback);
      return this;
    }

    setNoDelay(noDelay = true): this {
      this.#attempt(() => this.#stream.setOption(NO_DELAY, noDelay ? 1 : 0));
      return this;
    }

    setKeepAlive(enable = false, initialDelay = 0): this {
      /* Milliseconds there, seconds here; 0 leaves it as it is. */
      const idle = Math.min(Math.ceil(initialDelay / 1000), SECONDS_MAX);
      const times = idle >= 1 ? { idle } : {};
      this.#attempt(() => this.#stream.setKeepAlive(enable && times));
      return this;
    }

    ref(): this {
      this.#stream.setRef(true);
      return this;
    }

    unref(): this {
      this.#stream.setRef(false);
      return this;
    }

    destroySoon(): void {
      if (this.writable) this.end();
      if (this.writableFinished) this.destroy();
      else this.once("finish", () => this.destroy());
    }

    resetAndDestroy(): this {
      this.#stream.reset();
      return this.destroy();
    }

    override _read(): void {
      this.#chunks.next().then(this.#received, this.#failed);
    }

    override _write(bytes: Uint8Array, _: string, callback: Callback): void {
      this.#send([bytes], bytes.length, callback);
    }

    override _writev(
      chunks: { chunk: Uint8Array }[],
      callback: Callback,
    ): void {
      const parts = chunks.map(({ chunk }) => chunk);
      const length = parts.reduce((sum, part) => sum + part.length, 0);
      const isJoined = length <= JOIN_MAX;
      this.#send(isJoined ? [Buffer.concat(parts)] : parts, length, callback);
    }

    override _final(callback: Callback): void {
      /* The close of a connection ends it anyway. */
      if (this.#stream.isClosed) callback();
      else this.#stream.send.closeWrite().then(() => callback(), callback);
    }

    override _destroy(error: Error | null, callback: Callback): void {
      const stream = this.#stream;
      timers.clearTimeout(this.#timer);
      /* A peer must not take what was cut for the whole. What the queue has
       * still leaves after the close() of the Conn, else only what the library
       * has. */
      const isCut = this.writableLength > this.#queuedBytes ||
        !stream.isClosed && !stream.send.isTaken;
      if (error || isCut) stream.reset();
      else stream.close();
      callback(error);
      nextTick(() => this.emit("close", Boolean(error)));
    }

    #received = ({ value, done }: Result): void => {
      if (this.destroyed) return;
      if (done) {
        if (this.#stream.isClosed) this.destroy();
        else this.push(null);
        return;
      }
      this.#bytesRead += value.length;
      this.#timer?.refresh();
      /* A small chunk that waits must not keep a slab alive. */
      const isCopied = !this.readableFlowing && value.length < COPY_BELOW;
      this.push(
        isCopied
          ? Buffer.from(value)
          : Buffer.from(value.buffer, value.byteOffset, value.length),
      );
    };

    #failed = (error: Error): void => {
      this.destroy(error);
    };

    #send(parts: Uint8Array[], length: number, callback: Callback): void {
      const stream = this.#stream;
      if (stream.isClosed) {
        callback(stream.closedError("send"));
        return;
      }
      this.#queuedBytes = length;
      this.#timer?.refresh();
      /* They leave in order, so the last one says when all have. */
      let last: Promise<unknown> | undefined;
      for (const part of parts) {
        last?.catch(() => {});
        last = stream.send.write(part);
      }
      last!.then(() => {
        this.#queuedBytes = 0;
        this.#sentBytes += length;
        this.#timer?.refresh();
        callback();
      }, callback);
    }

    /* Like those of a net.Socket, options that the system refuses, say because
     * the peer has gone, are nobody's error. */
    #attempt(setOption: () => void): void {
      try {
        setOption();
      } catch {
        /* Whoever reads or writes hears of the reason. */
      }
    }

    /* A large write that the peer takes slowly is no inactivity. */
    #expired = (): void => {
      const { offset } = this.#stream.send;
      if (offset !== this.#lastOffset) {
        this.#lastOffset = offset;
        this.#timer?.refresh();
      } else this.emit("timeout");
    };
  };
}

function requireDuration(ms: unknown): void {
  if (typeof ms !== "number") {
    throw new TypeError(
      `The "timeout" argument must be a number. Received ${typeof ms}`,
    );
  }
  if (!(ms >= 0 && ms < Infinity)) {
    throw new RangeError(
      `The "timeout" argument must be a non-negative finite number. Received ${ms}`,
    );
  }
}
