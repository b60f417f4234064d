// Copyright the iocp authors. MIT license.
/* The sending direction of a datagram socket. A datagram goes to the system at
 * once. If the system has no room for it, the library copies it, and later ones
 * wait here until that copy has left. */

import { DATAGRAM_BYTES, PENDING } from "../native/completion.ts";
import { emptyFifo, pushed } from "../socket/fifo.ts";
import type { Loop } from "../loop/loop.ts";
import { type Addressed, withPacked } from "./packed_send.ts";
import type { Sending } from "./sending.ts";
import { SocketError } from "../errors.ts";

/** More than any system sends as one datagram; a greater length does not fit the
 * calls of the library. */
const LENGTH_MAX = 2 ** 29;

/** What a queue needs of its socket. */
export interface SendOwner {
  readonly loop: Loop;
  readonly id: number;
  readonly isClosed: boolean;
  /** It has a peer, for datagrams without a destination. */
  readonly isConnected: boolean;
  /** The error for a negative result. */
  failure(
    result: number,
    syscall: string,
    errno?: number,
    to?: Uint8Array | null,
  ): SocketError;
  /** The error of every call after the close. */
  closedError(syscall: string): SocketError;
  /** Sends are pending from now on, or not any more. */
  sendsChanged(): void;
}

interface Settle {
  resolve(taken: number): void;
  reject(error: Error): void;
}

/* A call of the library that waits for the copy of an earlier one to leave. */
interface WaitingCall extends Settle {
  readonly syscall: string;
  /** The destination of a single datagram. */
  readonly to: Uint8Array | null;
  /** Returns what the library does: how much it has taken, or an error. */
  call(): number;
}

/* What the library has copied. */
interface Copied extends Settle {
  readonly taken: number;
  readonly to: Uint8Array | null;
}

/** The sending direction of a datagram socket. */
export class SendQueue {
  readonly #owner: SendOwner;
  #waiting = emptyFifo<WaitingCall>();
  #copied: Copied | undefined;

  constructor(owner: SendOwner) {
    this.#owner = owner;
  }

  /** True while datagrams are pending. */
  get isBusy(): boolean {
    return this.#copied !== undefined;
  }

  /** Sends one datagram. Resolves to its length. */
  send(
    data: Uint8Array,
    to: Uint8Array | null,
    sending?: Sending,
  ): Promise<number> {
    const { length } = data;
    if (length > LENGTH_MAX) return Promise.reject(tooLong());
    if (to === null && !this.#owner.isConnected) {
      return Promise.reject(noDestination());
    }
    if (this.isBusy) return this.#sendLater(data, to, sending);
    const result = this.#sendTo(data, to);
    sending?.took(1, result);
    return result === length
      ? this.#owner.loop.allowance.settled(length, length)
      : this.#settled(to, result);
  }

  /* Not a part of send(), where the closure would cost an object for what it
   * captures at each call. */
  #sendLater(
    data: Uint8Array,
    to: Uint8Array | null,
    sending: Sending | undefined,
  ): Promise<number> {
    const { length } = data;
    return this.#later(to, () => {
      if (data.length !== length) throw bufferLost();
      const result = this.#sendTo(data, to);
      sending?.took(1, result);
      return result;
    }, sending);
  }

  /** Sends several, in order. Resolves to their number. */
  async sendMany(
    datagrams: readonly Addressed[],
    sending?: Sending,
  ): Promise<number> {
    const { loop, id } = this.#owner;
    const { isConnected } = this.#owner;
    for (const { data, to } of datagrams) {
      const isLong = data.length > LENGTH_MAX;
      if (!isLong && (to !== null || isConnected)) continue;
      const error = isLong ? tooLong() : noDestination();
      throw Object.assign(error, { datagramsSent: 0 });
    }
    let sent = 0;
    const call = () => {
      const result = withPacked(
        datagrams,
        sent,
        (bytes, length, count) =>
          loop.datagrams.sendMany(id, bytes, length, count),
      );
      sending?.took(result & ~PENDING, result);
      return result;
    };
    try {
      while (sent < datagrams.length && !sending?.isStopped) {
        if (this.#owner.isClosed) throw this.#owner.closedError("sendto");
        const { to } = datagrams[sent]!;
        sent += this.isBusy
          ? await this.#later(to, call, sending)
          : await this.#settled(to, call());
      }
    } catch (error) {
      /* The datagrams before the one that has failed. */
      throw Object.assign(error as SocketError, { datagramsSent: sent });
    }
    return sent;
  }

  /** Makes a call that may not come before earlier sends, when these have left. */
  async inTurn(
    syscall: string,
    call: () => void,
    sending?: Sending,
  ): Promise<void> {
    if (!this.isBusy) return call();
    await this.#later(null, () => (call(), 0), sending, syscall);
  }

  /** The copy has left, or could not be sent. */
  sent(result: number, errno: number): void {
    const copied = this.#copied;
    if (copied === undefined) return;
    this.#copied = undefined;
    if (result < 0) {
      copied.reject(this.#owner.failure(result, "sendto", errno, copied.to));
    } else copied.resolve(copied.taken);
    this.#run();
    this.#owner.sendsChanged();
  }

  /** The socket is being closed: what the library has copied is still sent. */
  close(detail: string): void {
    const waiting = this.#waiting;
    this.#waiting = emptyFifo();
    for (const { reject, syscall } of waiting.removeAll()) {
      reject(interrupted(detail, syscall));
    }
  }

  /** The socket is closed. */
  closed(detail: string): void {
    this.close(detail);
    this.#copied?.reject(interrupted(detail));
    this.#copied = undefined;
  }

  #sendTo(data: Uint8Array, to: Uint8Array | null): number {
    const { loop, id } = this.#owner;
    return loop.datagrams.sendTo(id, data, 0, data.length, to);
  }

  #later(
    to: Uint8Array | null,
    call: () => number,
    sending?: Sending,
    syscall = "sendto",
  ): Promise<number> {
    return new Promise((resolve, reject) => {
      const waiting = { syscall, to, call, resolve, reject };
      this.#waiting = pushed(this.#waiting, waiting);
      if (sending === undefined) return;
      sending.withdraw = () => this.#waiting.remove(waiting);
    });
  }

  /* The promise of a call with that result. */
  #settled(to: Uint8Array | null, result: number): Promise<number> {
    if (result < 0) {
      const error = this.#owner.failure(result, "sendto", undefined, to);
      return Promise.reject(error);
    }
    if (result < PENDING) {
      return this.#owner.loop.allowance.settled(
        result,
        DATAGRAM_BYTES * result,
      );
    }
    return this.#whenSent(to, result & ~PENDING);
  }

  #whenSent(to: Uint8Array | null, taken: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#copied = { taken, to, resolve, reject };
      this.#owner.sendsChanged();
    });
  }

  /* Makes the calls that wait, until one has to be copied. */
  #run(): void {
    while (this.#copied === undefined) {
      const waiting = this.#waiting.shift();
      if (waiting === undefined) return;
      const { to, call, resolve, reject } = waiting;
      try {
        const result = call();
        if (result < 0) {
          reject(this.#owner.failure(result, "sendto", undefined, to));
        } else if (result < PENDING) resolve(result);
        else this.#copied = { taken: result & ~PENDING, to, resolve, reject };
      } catch (error) {
        reject(error as Error);
      }
    }
  }
}

function tooLong(): SocketError {
  return new SocketError("EMSGSIZE", { syscall: "sendto" });
}

/* Not left to the system, since Wine sends it to the peer of an earlier
 * connect(). */
function noDestination(): SocketError {
  return new SocketError("EDESTADDRREQ", { syscall: "sendto" });
}

function bufferLost(): SocketError {
  return new SocketError("EFAULT", {
    syscall: "sendto",
    detail: "the buffer was transferred or resized before it was sent",
  });
}

function interrupted(detail: string, syscall = "sendto"): SocketError {
  return new SocketError("EINTR", { syscall, detail });
}
