// Copyright the iocp authors. MIT license.
/* The stream below a TLSSocket: the ciphertext of a connection.
 *
 * The duplex of a Conn is not used for it. A TLSSocket ends and destroys the stream
 * below it, in Bun before everything was written; and it passes the end of the stream
 * on as the end of the plaintext, also when the peer has not said that it is the end.
 * So this stream never ends or closes the connection, and keeps its end to itself. */

import { viewAsBuffer } from "../views/node_buffer.ts";
import { nodeModule } from "../runtime/globals.ts";
import type { Callback, Duplex, DuplexClass } from "../runtime/node_types.ts";
import type { Chunk } from "../socket/chunk_queue.ts";
import { Lease } from "../loop/lease.ts";
import { StreamRead } from "../socket/stream_read.ts";
import { Fifo } from "../socket/fifo.ts";
import { sendParts, writeParts } from "../socket/gather.ts";
import type { Socket } from "../socket/socket.ts";

/** The bytes that each direction buffers. */
const HIGH_WATER_MARK = 64 * 1024;

/** The end of TLS is an alert: no record of one is longer. */
const ALERT_MAX = 128;

/** The stream of a connection below TLS. */
export interface Transport extends Duplex {
  /** Whether more ciphertext may be read. It is true at first. */
  isWanted: boolean;
  /** The peer has ended the connection, and all of its bytes were taken. */
  readonly hasPeerEnded: boolean;
  /** The TLSSocket writes no more: it has ended. */
  readonly hasEnded: boolean;
  /** The number of writes that may be an alert, such as the end of TLS. */
  readonly alerts: number;
  /** The bytes that the TLSSocket has written. */
  readonly bytesWritten: number;
  /** Everything that it has written has left. */
  readonly isIdle: boolean;
  /** Called with the reason when the connection fails or is closed. */
  onFailure: (error: Error) => void;
  /** Called with the reason when a write fails. What the peer has sent before may still
   * be read. */
  onWriteFailure: (error: Error) => void;
  /** Called at the peer's end. */
  onPeerEnd: () => void;
  /** Calls back when everything that was written before has left. */
  whenSent(callback: () => void): void;
  /** Ends the TLSSocket, whose handshake has failed or is not wanted any more. Without
   * that the runtimes keep it for ever. */
  drop(): void;
}

interface Reading {
  received(got: Chunk | null, isLent: boolean): void;
  failed(error: Error): void;
}

/* Its reads of ciphertext, whose memory it borrows. */
class TransportRead extends StreamRead {
  readonly #owner: Reading;
  #isLent = false;

  constructor(owner: Reading) {
    super();
    this.#owner = owner;
  }

  borrow(): void {
    this.#isLent = true;
  }

  protected override received(got: Chunk | null): void {
    const isLent = this.#isLent;
    this.#isLent = false;
    this.#owner.received(got, isLent);
  }

  protected override failed(error: Error): void {
    this.#owner.failed(error);
  }
}

let Class:
  | (new (raw: Socket, bytes: Uint8Array[]) => Transport)
  | undefined;

/** Makes the stream of a connection, which begins with `bytes` that were read
 * already. */
export function makeTransport(
  raw: Socket,
  bytes: Uint8Array[] = [],
): Transport {
  Class ??= makeClass();
  return new Class(raw, bytes);
}

/* Makes the class when it is first used, since node:stream is loaded only then. */
function makeClass(): new (raw: Socket, bytes: Uint8Array[]) => Transport {
  const { Duplex } = nodeModule<{ Duplex: DuplexClass }>("node:stream");

  return class TlsTransport extends Duplex implements Transport {
    readonly #raw: Socket;
    #isWanted = true;
    /** The TLSSocket requests bytes. */
    #isRequested = false;
    /** A chunk of the connection is requested. */
    #isReading = false;
    readonly #read = new TransportRead(this);
    /** The number of writes since the start, and of those that have left. */
    #writes = 0;
    #sentWrites = 0;
    hasPeerEnded = false;
    hasEnded = false;
    alerts = 0;
    bytesWritten = 0;
    readonly #waiting = new Fifo<{ writes: number; callback: () => void }>();
    onFailure: (error: Error) => void = () => {};
    onWriteFailure: (error: Error) => void = () => {};
    onPeerEnd: () => void = () => {};

    constructor(raw: Socket, bytes: Uint8Array[]) {
      super({
        allowHalfOpen: true,
        autoDestroy: false,
        emitClose: false,
        readableHighWaterMark: HIGH_WATER_MARK,
        writableHighWaterMark: HIGH_WATER_MARK,
      });
      this.#raw = raw;
      new Lease(raw).begin();
      for (const part of bytes) this.push(viewAsBuffer(part));
    }

    whenSent(callback: () => void): void {
      if (this.isIdle) callback();
      else this.#waiting.push({ writes: this.#writes, callback });
    }

    drop(): void {
      this.destroy();
      /* A TLSSocket ends with the stream below it, also one that the
       * program does not have yet: a server passes it on only after the handshake. */
      this.emit("close");
    }

    get isWanted(): boolean {
      return this.#isWanted;
    }

    set isWanted(isWanted: boolean) {
      this.#isWanted = isWanted;
      if (isWanted && this.#isRequested) this.#next();
    }

    override _read(): void {
      this.#isRequested = true;
      if (this.#isWanted) this.#next();
    }

    #next(): void {
      if (this.#isReading || this.hasPeerEnded) return;
      this.#isReading = true;
      this.#raw.receive.enqueue(this.#read);
    }

    received(got: Chunk | null, isLent: boolean): void {
      this.#isReading = this.#isRequested = false;
      if (got !== null) {
        this.push(viewAsBuffer(got));
        if (isLent) this.#return(got);
      } else if (!this.#raw.isClosed) {
        this.hasPeerEnded = true;
        this.onPeerEnd();
      }
    }

    failed(error: Error): void {
      this.#isReading = false;
      this.onFailure(error);
    }

    /* The TLSSocket copies what it gets, but the stream may have kept it. */
    #return(chunk: Chunk): void {
      const { slab } = this.#raw.loop;
      if (this.readableLength === 0) slab.giveBack(chunk);
      else slab.own(chunk);
    }

    override _write(bytes: Uint8Array, _: string, callback: Callback): void {
      this.#send([bytes], callback);
    }

    override _writev(
      chunks: { chunk: Uint8Array }[],
      callback: Callback,
    ): void {
      this.#send(chunks.map(({ chunk }) => chunk), callback);
    }

    /* The callback comes at once: what the stream itself buffered would be lost when
     * the TLSSocket destroys it. How much waits here is limited by the caller of the
     * TLSSocket, with whenSent(). */
    #send(parts: Uint8Array[], callback: Callback): void {
      const raw = this.#raw;
      const { isIdle } = this;
      this.#writes++;
      for (const { length } of parts) this.bytesWritten += length;
      if (parts.at(-1)!.length <= ALERT_MAX) this.alerts++;
      const written = raw.isClosed
        ? Promise.reject(raw.closedError("write"))
        : isIdle
        ? sendParts(raw, parts)
        : writeParts(raw, parts);
      if (written === undefined) this.#sentWrites++;
      else written.then(this.#sent, this.#writeFailed);
      callback();
    }

    get isIdle(): boolean {
      return this.#sentWrites === this.#writes;
    }

    #writeFailed = (error: Error): void => this.onWriteFailure(error);

    #sent = (): void => {
      this.#sentWrites++;
      const waiting = this.#waiting;
      while (waiting.first && waiting.first.writes <= this.#sentWrites) {
        waiting.shift()!.callback();
      }
    };

    override _final(callback: Callback): void {
      this.hasEnded = true;
      callback();
    }

    override _destroy(_: Error | null, callback: Callback): void {
      this.hasEnded = true;
      callback(null);
    }
  };
}
