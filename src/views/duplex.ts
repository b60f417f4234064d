// Copyright the iocp authors. MIT license.
/* A connection as a Duplex of Node's, on top of its two queues. What users see
 * of it is a SocketDuplex. It does what a net.Socket does: a rule here that is
 * not explained is one of Node's lib/net.js. */

import { Chunks } from "./chunks.ts";
import { LOCAL, PEER } from "../native/completion.ts";
import {
  closedSocket,
  duplexError,
  endedByPeer,
  isAnswered,
  requireCallback,
  timerDuration,
} from "./duplex_error.ts";
import { nextTick, nodeModule } from "../runtime/globals.ts";
import { Inactivity } from "../socket/inactivity.ts";
import { changeOptions } from "../socket/socket_options.ts";
import { SECONDS_MAX } from "../options/keep_alive.ts";
import type {
  BufferClass,
  Callback,
  Duplex,
  DuplexClass,
} from "../runtime/node_types.ts";
import { COPY_BELOW, type Result } from "../socket/receive_queue.ts";
import { runtime } from "../runtime/detect.ts";
import type { SocketDuplex } from "./socket_duplex.ts";
import type { Socket } from "../socket/socket.ts";
import { extendTlsSocket } from "./tls_members.ts";

/** Bytes that each direction holds before it asks for patience. */
const HIGH_WATER_MARK = 64 * 1024;
/** Writes that came together leave as one up to this size: with several, the
 * system could hold the later ones back until the peer has answered. */
const JOIN_MAX = 64 * 1024;

let SocketDuplexClass: (new (stream: Socket) => Duplex) | undefined;

/** Makes the duplex of a connection that is open. */
export function duplexOf(stream: Socket): SocketDuplex {
  if (SocketDuplexClass === undefined) {
    const Class = SocketDuplexClass = makeClass();
    extendTlsSocket((value) => value instanceof Class);
  }
  return new SocketDuplexClass(stream) as unknown as SocketDuplex;
}

function familyOf(hostname: string): "IPv4" | "IPv6" {
  return hostname.includes(":") ? "IPv6" : "IPv4";
}

function ignore(): void {}

/* Node's modules are loaded only for those who want a duplex. */
function makeClass(): new (stream: Socket) => Duplex {
  const { Duplex } = nodeModule<{ Duplex: DuplexClass }>("node:stream");
  const { Buffer } = nodeModule<{ Buffer: BufferClass }>("node:buffer");

  /* The write() of a duplex that its peer has ended. */
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

  function ended(this: Duplex): void {
    if (!this.allowHalfOpen) this.write = writeAfterEnd;
  }

  return class SocketDuplex extends Duplex {
    readonly #stream: Socket;
    readonly #chunks: Chunks;
    /** A chunk is asked for. */
    #isReading = false;
    /** None is, nor will be soon: only a write holds the process alive. */
    #isQuiet = false;
    /** pause() has ended that: the stream still takes one for asked for. */
    #isStopped = false;
    /** The peer's end has come. */
    #isOver = false;
    /** The user wants it not to hold the process. */
    #isUnref: boolean;
    /** It ends as destroySoon() says. */
    #isLeaving = false;
    #bytesRead = 0;
    /** Bytes of the write that is in the queue. */
    #queuedBytes = 0;
    #sentBytes = 0;
    /** Something that was written before a destroy() has not left. */
    #hasLost = false;
    #inactivity: Inactivity | undefined;

    /** Milliseconds, as given to setTimeout(). */
    timeout: number | undefined;

    constructor(stream: Socket) {
      super({
        allowHalfOpen: stream.settings.allowHalfOpen,
        /* It is emitted with an argument; see _destroy(). */
        emitClose: false,
        readableHighWaterMark: HIGH_WATER_MARK,
        writableHighWaterMark: HIGH_WATER_MARK,
      });
      this.#stream = stream;
      this.#chunks = new Chunks(stream);
      this.#isUnref = stream.isUnref;
      stream.isLeftOpenAtEnd = true;
      /* It may also be closed by its Conn or with its port. An error that comes
       * with that is reported first. */
      stream.released().then(() => nextTick(() => this.destroy()));
      this.on("end", ended);
      /* It listens before anything is read, and so it notices a peer that is
       * gone. */
      this.read(0);
    }

    get bufferSize(): number | undefined {
      return this.destroyed ? undefined : this.writableLength;
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
      if (this.destroyed) return this;
      const duration = timerDuration(ms);
      requireCallback(callback);
      this.timeout = ms;
      this.#inactivity?.stop();
      this.#inactivity = undefined;
      if (duration === 0) {
        if (callback !== undefined) this.removeListener("timeout", callback);
        return this;
      }
      this.#inactivity = new Inactivity(
        duration,
        () => this.#stream.send.offset,
        () => this.emit("timeout"),
      );
      if (callback !== undefined) this.once("timeout", callback);
      return this;
    }

    setNoDelay(noDelay = true): this {
      this.#attempt(() =>
        changeOptions(this.#stream, { noDelay: Boolean(noDelay) })
      );
      return this;
    }

    setKeepAlive(enable = false, initialDelay = 0): this {
      /* Milliseconds there, seconds here; 0 leaves it as it is. */
      const idle = Math.min(Math.ceil(initialDelay / 1000), SECONDS_MAX);
      const times = idle >= 1 ? { idle } : {};
      this.#attempt(() =>
        changeOptions(this.#stream, { keepAlive: enable && times })
      );
      return this;
    }

    ref(): this {
      this.#isUnref = false;
      this.#hold();
      return this;
    }

    unref(): this {
      this.#isUnref = true;
      this.#hold();
      return this;
    }

    destroySoon(): void {
      this.#isLeaving = true;
      if (this.writable) this.end();
      if (this.writableFinished) this.destroy();
      else this.once("finish", () => this.destroy());
    }

    resetAndDestroy(): this {
      if (this.destroyed) return this;
      this.#stream.reset();
      return this.destroy();
    }

    override pause(): this {
      if (this.#isReading && this.#chunks.giveUp()) {
        this.#isReading = false;
        this.#isStopped = true;
        this.#rest();
      }
      return super.pause();
    }

    override resume(): this {
      if (this.#isStopped) this.#start();
      return super.resume();
    }

    override read(size?: number): unknown {
      if (this.#isStopped && this.readableLength === 0) this.#start();
      return super.read(size);
    }

    override _read(): void {
      this.#start();
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
      /* The close of a connection ends it anyway. And a shutdown that fails, of
       * a connection that is gone, is no failure of what was written. */
      if (this.#stream.isClosed) {
        callback();
        return;
      }
      const done = () => {
        callback();
        if (this.#isQuiet) this.#hold();
      };
      this.#stream.send.closeWrite().then(done, done);
      if (this.#isQuiet) this.#hold();
    }

    override _destroy(error: Error | null, callback: Callback): void {
      const stream = this.#stream;
      this.#inactivity?.stop();
      const isEnding = this.writableEnded && !this.writableFinished;
      const isAnswer = error !== null && isAnswered(error);
      /* What was written before an end() is whole, whatever comes then. */
      const isPart = error !== null && !isAnswer && !this.writableEnded;
      /* Else it does not hold the process while it leaves. */
      if (!this.#isUnref) stream.setRef(true);
      if (isPart || !isEnding && this.#isCut()) stream.reset();
      else if (isEnding || isAnswer || this.#isLeaving) this.#leave();
      else stream.abandon();
      callback(error);
      const close = () => {
        this.emit("close", error !== null || isEnding && this.#hasLost);
      };
      /* Behind the callbacks of writes; and what was written before an end() is
       * delivered first. */
      if (isEnding) stream.released().then(() => runtime.defer(close));
      else runtime.defer(close);
    }

    /* Whether the peer could take a part of what was written for the whole. What
     * the queue has still leaves after the close() of the Conn, else only what
     * the library has. */
    #isCut(): boolean {
      const stream = this.#stream;
      return this.writableLength > this.#queuedBytes ||
        !stream.isClosed && !stream.send.isTaken;
    }

    /* Sends all that was written, then closes, within the closeTimeout. */
    #leave(): void {
      const stream = this.#stream;
      if (stream.isClosed) return;
      for (const { chunk } of this.writableBuffer ?? []) {
        stream.send.write(chunk).catch(() => this.#hasLost = true);
      }
      stream.close();
    }

    #start(): void {
      if (this.#isReading || this.#isOver || this.destroyed) return;
      this.#isReading = true;
      this.#isStopped = false;
      if (this.#isQuiet) {
        this.#isQuiet = false;
        this.#hold();
      }
      this.#chunks.next().then(this.#received, this.#failed);
    }

    #received = ({ value, done }: Result): void => {
      this.#isReading = false;
      if (this.destroyed) return;
      if (done) {
        if (this.#stream.isClosed) this.destroy();
        else this.#end();
        return;
      }
      this.#bytesRead += value.length;
      this.#inactivity?.refresh();
      /* A small chunk that waits must not keep a slab alive. */
      const isCopied = !this.readableFlowing && value.length < COPY_BELOW;
      this.#push(
        isCopied
          ? Buffer.from(value)
          : Buffer.from(value.buffer, value.byteOffset, value.length),
      );
    };

    /* A listener may throw, which is no rejection of a promise that the program
     * has never seen. */
    #push(bytes: Uint8Array): void {
      try {
        if (!this.push(bytes) && !this.#isReading) this.#rest();
      } catch (error) {
        nextTick(() => {
          throw error;
        });
        /* It has kept the stream from asking for more. */
        this.#start();
      }
    }

    #end(): void {
      this.#isOver = true;
      this.push(null);
      /* Without it, "end" would come only to a reader. */
      this.read(0);
      this.#rest();
    }

    #failed = (error: Error): void => {
      this.#isReading = false;
      this.destroy(duplexError(error, "read"));
    };

    #rest(): void {
      this.#isQuiet = true;
      this.#hold();
    }

    /* Only a read or a write that is pending holds the process. */
    #hold(): void {
      if (this.destroyed) return;
      const stream = this.#stream;
      const isBusy = !this.#isQuiet || stream.send.isBusy;
      stream.setRef(isBusy && !this.#isUnref);
    }

    #send(parts: Uint8Array[], length: number, callback: Callback): void {
      const stream = this.#stream;
      if (stream.isClosed) {
        callback(closedSocket());
        return;
      }
      this.#queuedBytes = length;
      this.#inactivity?.refresh();
      /* They leave in order, so the last one says when all have. */
      let last: Promise<unknown> | undefined;
      for (const part of parts) {
        last?.catch(ignore);
        last = stream.send.write(part);
      }
      if (this.#isQuiet) this.#hold();
      last!.then(() => {
        this.#queuedBytes = 0;
        this.#sentBytes += length;
        this.#inactivity?.refresh();
        callback();
        if (this.#isQuiet) this.#hold();
      }, (error: Error) => {
        this.#hasLost = true;
        callback(duplexError(error, "write"));
      });
    }

    /* Like those of a net.Socket, options that the system refuses, say because
     * the peer has gone, are no error. */
    #attempt(setOption: () => void): void {
      try {
        setOption();
      } catch {
        /* The next read or write has the reason. */
      }
    }
  };
}
