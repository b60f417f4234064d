// Copyright the iocp authors. MIT license.
/* A TLSSocket in the place of the library: what the queues of a connection call to
 * move bytes, and the completions that they get for it. So a connection with TLS has
 * the queues, limits and ways to close of every other one.
 *
 *   Socket with TLS -> TlsPort -> TLSSocket -> Transport -> Socket below
 */

import { BelowPort } from "./below_port.ts";
import {
  GRACEFUL,
  PENDING,
  RESET,
  type SocketStats,
} from "../native/completion.ts";
import {
  errorOf,
  numberOf,
  type SocketError,
  type SocketErrorOptions,
} from "../errors.ts";
import { NO_SOCKET_STATS } from "../native/port.ts";
import type { Slab } from "../loop/slab.ts";
import type { SocketPort } from "../loop/socket_loop.ts";
import { type NodeError, takeDestroy, type TlsSocket } from "./node_tls.ts";
import { PlainBytes } from "./plain_bytes.ts";
import { FILE_SHRUNK, FILE_UNREADABLE, PLAIN_MAX } from "./read_file.ts";
import type { Socket } from "../socket/socket.ts";
import {
  ENDED_BOTH,
  errorOfFailure,
  failureOf,
  type TlsFailure,
  TRUNCATED,
} from "./tls_failure.ts";
import type { Transport } from "./transport.ts";
import { clearTimeout, setTimeout } from "../runtime/globals.ts";
import { runtime } from "../runtime/detect.ts";

/** The result of a call after a failure, whose error is {@linkcode
 * TlsPort.error}. */
const FAILED: number = numberOf("EUNKNOWN");
/* So many turns the TLSSocket may need until it has found the end of TLS in the last
 * bytes of the peer, and until it has written its own: Deno's does that after its
 * "finish". */
const END_TURNS = 64;

/* How the connection below is closed. It has failed after all writes were sent, which
 * is no error of the close. */
const GIVEN_UP = -1;
type CloseMode = typeof GRACEFUL | typeof RESET | typeof GIVEN_UP;

/** The port of one connection with TLS. */
export class TlsPort extends BelowPort implements SocketPort {
  readonly #tls: TlsSocket;
  readonly #destroy: () => void;
  readonly #transport: Transport;
  readonly #received: PlainBytes;
  #socket!: Socket;
  /** Bytes that may be delivered. */
  #credit = 0;
  /** A read waits. */
  #isReadArmed = false;
  #isDeliveryDue = false;
  /** The peer has sent the end of TLS. */
  #hasPeerEnded = false;
  #isEndReported = false;
  /** Why no more can be written. */
  #failure: TlsFailure | undefined;
  /** Nor can anything be read any more that is not here yet. */
  #areReadsLost = false;
  #isWriteEnded = false;
  #turnsLeft = END_TURNS;
  #isEndWatched = false;
  #isClosed = false;
  /** The end of this direction is being sent. */
  #isShutting = false;
  /** Ends a close that waits for the end of TLS to be sent. */
  #endClose: ((mode: CloseMode) => void) | undefined;
  /** The sends that have not completed, and their bytes. */
  #sends = 0;
  #unsent = 0;
  #bytesSent = 0;

  constructor(raw: Socket, tls: TlsSocket, transport: Transport, slab: Slab) {
    super(raw);
    this.#tls = tls;
    this.#destroy = takeDestroy(tls);
    this.#transport = transport;
    this.#received = new PlainBytes(slab);
  }

  /** Sets the connection that gets the completions. */
  attach(socket: Socket): void {
    const tls = this.#tls;
    const transport = this.#transport;
    this.#socket = socket;
    tls.on("data", (bytes: Uint8Array) => {
      this.#received.push(bytes);
      this.#deliver();
    });
    tls.on("end", () => {
      this.#hasPeerEnded = true;
      this.#deliver();
    });
    tls.on("error", (error: NodeError) => this.#fail(failureOf(error)));
    transport.onFailure = (error) => this.#fail(failureOf(error));
    transport.onWriteFailure = (error) => this.#failWrites(failureOf(error));
    transport.onPeerEnd = () => this.#watchEnd();
    if (transport.hasPeerEnded) this.#watchEnd();
    this.#flow();
    this.raw.onReleased(() => this.#rawReleased());
  }

  /* ---- receiving */

  receive(_id: number, bytes: number): number {
    const isLost = this.#areReadsLost && !this.#hasPeerEnded;
    if (isLost && this.#received.isEmpty) return FAILED;
    this.#credit += bytes;
    this.#deliverLater();
    return 0;
  }

  read(
    _id: number,
    buffer: Uint8Array,
    offset: number,
    length: number,
  ): number {
    const count = this.#received.moveTo(buffer, offset, length);
    if (count > 0) return count;
    if (this.#hasPeerEnded) return 0;
    if (this.#areReadsLost) return FAILED;
    this.#isReadArmed = true;
    this.#flow();
    return PENDING;
  }

  /* No completion may come within a call of the queue. */
  #deliverLater(): void {
    if (this.#isDeliveryDue) return;
    this.#isDeliveryDue = true;
    Promise.resolve().then(() => {
      this.#isDeliveryDue = false;
      this.#deliver();
    });
  }

  /* Delivers what may be delivered, then the end or the failure. */
  #deliver(): void {
    const received = this.#received;
    const socket = this.#socket;
    if (this.#isClosed) {
      received.clear();
      return;
    }
    while (!received.isEmpty && this.#credit > 0) {
      const chunk = received.take(this.#credit);
      this.#credit -= chunk.length;
      socket.received(chunk);
    }
    const isOver = this.#hasPeerEnded || this.#areReadsLost;
    if (this.#isReadArmed && (isOver || !received.isEmpty)) {
      this.#isReadArmed = false;
      socket.readable();
    }
    if (received.isEmpty && isOver) this.#reportEnd();
    this.#flow();
  }

  /* A peer that has ended TLS has sent all bytes. What fails after that is a matter of
   * the writes alone: the connection stays open until its owner has read the end, as one
   * without TLS does. */
  #reportEnd(): void {
    if (!this.#hasPeerEnded) {
      this.#reportFailure();
    } else if (!this.#isEndReported) {
      this.#isEndReported = true;
      this.#socket.receiveEnded(0, 0);
    }
  }

  /* Lets ciphertext be read while bytes are wanted and none are held. The TLSSocket
   * itself is never paused: Deno's loses the end of TLS that comes meanwhile. */
  #flow(): void {
    const transport = this.#transport;
    transport.isWanted = this.#isWanted && this.#received.isEmpty;
    if (transport.isWanted && transport.hasPeerEnded) this.#watchEnd();
  }

  get #isWanted(): boolean {
    return this.#credit > 0 || this.#isReadArmed;
  }

  /* The connection below has ended. If TLS has ended before that, the TLSSocket finds
   * that in the bytes that it has, within a few turns. */
  #watchEnd(): void {
    if (this.#isEndWatched) return;
    this.#isEndWatched = true;
    runtime.defer(() => {
      this.#isEndWatched = false;
      const isOver = this.#hasPeerEnded || this.#areReadsLost || this.#isClosed;
      if (isOver) return;
      if (this.#turnsLeft-- > 0) this.#watchEnd();
      else this.#fail(TRUNCATED);
    });
  }

  /* ---- sending */

  send(
    _id: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): number {
    if (this.#refusesWrites()) return FAILED;
    const count = Math.min(length, PLAIN_MAX);
    /* Deno's TLSSocket fails at an empty write. */
    if (count === 0) return 0;
    const transport = this.#transport;
    const { bytesWritten } = transport;
    const isNext = this.#sends === 0;
    let isSent = false;
    this.#sends++;
    this.#unsent += count;
    const copy = bytes.slice(offset, offset + count);
    this.#tls.write(copy, (error) => {
      if (error) this.#fail(failureOf(error));
      else if (!isSent) transport.whenSent(() => this.#sent(count));
    });
    /* Bun's TLSSocket encrypts at once, and the system may have taken all of it. */
    isSent = isNext && transport.isIdle && this.#failure === undefined &&
      transport.bytesWritten > bytesWritten + count;
    if (!isSent) return count | PENDING;
    this.#sends--;
    this.#unsent -= count;
    this.#bytesSent += count;
    return count;
  }

  #refusesWrites(): boolean {
    return this.#failure !== undefined || this.#isClosed ||
      this.#transport.hasEnded;
  }

  #sent(count: number): void {
    if (this.#sends === 0) return;
    this.#sends--;
    this.#unsent -= count;
    this.#bytesSent += count;
    this.#socket.sent(0, 0);
  }

  /* TLS 1.3 has an end of each direction (RFC 8446, 6.1), as TCP has. */
  shutdown(_id: number): number {
    if (this.#failure !== undefined) return FAILED;
    this.#isShutting = true;
    this.#endWrites(() => this.#shut(0));
    return 0;
  }

  #shut(result: number): void {
    if (!this.#isShutting) return;
    this.#isShutting = false;
    this.#socket.shut(result, 0);
  }

  #endWrites(done: () => void): void {
    const transport = this.#transport;
    /* The TLSSocket has ended both directions by itself. */
    if (this.#isWriteEnded || transport.hasEnded) {
      Promise.resolve().then(() => transport.whenSent(done));
      return;
    }
    this.#isWriteEnded = true;
    const { alerts } = transport;
    const wait = (turnsLeft: number) => {
      if (transport.alerts > alerts || turnsLeft === 0) {
        transport.whenSent(done);
      } else runtime.defer(() => wait(turnsLeft - 1));
    };
    this.#tls.end(() => wait(END_TURNS));
  }

  /* ---- failures and the close */

  #fail(failure: TlsFailure): void {
    this.#failWrites(failure);
    if (this.#areReadsLost || this.#isClosed) return;
    this.#areReadsLost = true;
    this.#deliver();
  }

  /* A peer that has closed refuses the writes, and what it has sent before waits below
   * TLS. That is read to its end, or to a failure, as without TLS. */
  #failWrites(failure: TlsFailure): void {
    /* The end of TLS cannot be sent any more. */
    this.#endClose?.(GIVEN_UP);
    if (this.#failure !== undefined || this.#isClosed) return;
    this.#failure = failure;
    this.#failSends();
    this.#shut(FAILED);
  }

  #failSends(): void {
    if (this.#sends === 0) return;
    this.#sends = this.#unsent = 0;
    this.#socket.sent(FAILED, 0);
  }

  /* As the library, it closes a connection that has failed. */
  #reportFailure(): void {
    this.#isClosed = true;
    this.#destroy();
    this.raw.close();
    this.#socket.closed(FAILED, 0, 0);
  }

  /* The connection below was closed: by its failure, by its port, by the shutdown of
   * its listener, or by its own Conn. */
  #rawReleased(): void {
    if (this.#isClosed) {
      this.#endClose?.(GIVEN_UP);
      return;
    }
    const { lastError } = this.raw;
    if (lastError !== undefined) this.#fail(failureOf(lastError));
    else this.#socket.reset();
  }

  close(_id: number, mode: number, timeoutMs: number): number {
    if (this.#isClosed) {
      /* The deadline of the close that has begun. */
      if (mode === RESET) this.#resetClose();
      return 0;
    }
    this.#isClosed = true;
    this.#received.clear();
    const raw = this.raw;
    raw.settings = this.#socket.settings;
    if (mode === RESET) {
      raw.reset();
      this.#destroy();
      Promise.resolve().then(() => this.#socket.closed(0, 0, 0));
    } else this.#closeGracefully(timeoutMs);
    return 0;
  }

  #resetClose(): void {
    if (this.#endClose !== undefined) this.#endClose(RESET);
    else this.raw.loop.port.close(this.raw.id, RESET, 0);
  }

  /* The end of TLS is the last that is sent. The process waits for it. */
  #closeGracefully(timeoutMs: number): void {
    const { loop, settings, isClosed } = this.raw;
    const timer = setTimeout(
      () => this.#endClose?.(RESET),
      timeoutMs || settings.closeTimeout,
    );
    runtime.unrefTimer(timer);
    loop.ref();
    const end = this.#endClose = (mode: CloseMode) => {
      if (this.#endClose === undefined) return;
      this.#endClose = undefined;
      clearTimeout(timer);
      /* An abandoned one does not wait for the peer. */
      this.#closeRaw(mode, timeoutMs === 0);
      loop.unref();
    };
    if (this.#failure !== undefined || isClosed) end(GIVEN_UP);
    else this.#endWrites(() => end(GRACEFUL));
  }

  #closeRaw(mode: CloseMode, isAbandoned: boolean): void {
    const raw = this.raw;
    if (mode !== GRACEFUL) raw.reset();
    else if (isAbandoned) raw.abandon();
    const closed = mode === GIVEN_UP || (mode === GRACEFUL && isAbandoned)
      ? raw.released()
      : raw.closeWithin(undefined);
    closed.then(
      () => this.#socket.closed(0, 0, 0),
      (error) => {
        this.#failure ??= failureOf(error);
        this.#socket.closed(FAILED, 0, 0);
      },
    ).finally(() => this.#destroy());
  }

  /** The error for the negative result of a call or a completion. */
  error(result: number, options: SocketErrorOptions): SocketError {
    if (result === FILE_SHRUNK || result === FILE_UNREADABLE) {
      return errorOf(result, options);
    }
    if (result !== FAILED) {
      const { loop } = this.raw;
      return loop.port.error(result, options);
    }
    return errorOfFailure(this.#failure ?? ENDED_BOTH, options);
  }

  /** Bytes are those without TLS; the operations are those of the connection
   * below. */
  socketStats(): SocketStats {
    const { loop, id, isReleased } = this.raw;
    return {
      ...(isReleased ? NO_SOCKET_STATS : loop.port.socketStats(id)),
      bytesReadable: this.#received.length,
      sends: this.#sends,
      bytesUnsent: this.#unsent,
      bytesReceived: this.#received.total,
      bytesSent: this.#bytesSent,
    };
  }
}
