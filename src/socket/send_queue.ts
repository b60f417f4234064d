// Copyright the iocp authors. MIT license.
/* The sending direction of a connection: writes in order, each sent whole.
 *
 * A write goes to the system at once. What the system does not accept is copied
 * by the library, up to a limit, and the rest stays here, in the user's own
 * buffer, until that copy has left. So a slow peer costs at most IOCP_SEND_MAX
 * times `sendConcurrency` bytes of copies, plus the buffers of writes that the
 * user does not await.
 *
 *   #sends: copied by the library  | #writes: in part, or not yet accepted
 *   oldest ----------------------------------------------> newest
 */

import { PENDING } from "../native/completion.ts";
import { numberOf, SocketError } from "../errors.ts";
import { emptyFifo, pushed } from "./fifo.ts";
import { noWrites, withWrite } from "./pending_writes.ts";
import type { SocketLoop, SocketPort } from "../loop/socket_loop.ts";

/** The most bytes passed in one call; the library accepts at most IOCP_SEND_MAX
 * of them. A longer write is passed in parts: lengths across the boundary have
 * 32 bits, and the count in a result must not reach the PENDING bit. */
export const CALL_MAX: number = 2 ** 29;

/** A file that is sent in the place of bytes. */
export interface FileSource {
  /** Passes a part, from `offset` on, to the library. */
  send(socket: number, offset: number): number;
  /** The system has accepted so many bytes more. */
  sent(bytes: number): void;
}

/** A write that is not settled yet, or, without bytes, the end of the direction. */
export interface PendingWrite {
  bytes: Uint8Array | undefined;
  /** `bytes` is empty then. */
  readonly file?: FileSource | undefined;
  /** Of `bytes`, when it was written, or of the part of the file. */
  length: number;
  /** How much of it the library has accepted. */
  offset: number;
  resolve(count: number): void;
  reject(error: Error): void;
}

/* A part of a write that the library has copied, or reads from a file, and sends. */
interface PendingSend {
  write: PendingWrite;
  bytes: number;
  /** The write ends with it. */
  isLast: boolean;
  /** Later writes that the system has accepted completely, which are settled
   * after this one. */
  followers: PendingWrite[];
}

/* The failures of a file, with which the peer lacks bytes. */
const FILE_ERRORS = new Set([numberOf("ENODATA"), numberOf("EIO")]);

/* What settles a write that no caller waits for. */
function ignore(): void {}

/** True if the system has accepted all of `length` bytes. */
export function isWhole(result: number, length: number): boolean {
  return result === length && (result & PENDING) === 0;
}

/* Passes what is left of a write, or a part of it, to the library. */
function sendPart(
  port: SocketPort,
  id: number,
  bytes: Uint8Array,
  offset: number,
): number {
  const length = bytes.length - offset;
  if (bytes.length <= CALL_MAX) return port.send(id, bytes, offset, length);
  const count = Math.min(length, CALL_MAX);
  const part = new Uint8Array(bytes.buffer, bytes.byteOffset + offset, count);
  return port.send(id, part, 0, count);
}

/** What a queue needs of its connection. */
export interface SendOwner {
  readonly loop: SocketLoop;
  readonly id: number;
  /** `sendConcurrency`: the sends that may be pending at once. */
  readonly settings: { readonly sendConcurrency: number };
  /** The error for a negative result. */
  failure(result: number, syscall: string, errno?: number): Error;
  /** Writes are pending from now on. */
  writesPending(): void;
  /** No write is pending any more: all were sent, or have failed. */
  writesDone(): void;
  /** Ends the connection at once, and calls {@linkcode SendQueue.fail}. */
  reset(): void;
}

/** The sending direction of a connection. */
export class SendQueue {
  readonly #owner: SendOwner;
  /** The number of the last broadcast that the connection was a part of. */
  broadcast = 0;
  #writes = noWrites<PendingWrite>();
  #sends = emptyFifo<PendingSend>();
  #error: Error | undefined;
  /** "ending": closeWrite() was called, which may be withdrawn; "kept": it may not;
   * "shutting": the library sends FIN; "ended": FIN was sent. */
  #state: "open" | "ending" | "kept" | "shutting" | "ended" = "open";

  constructor(owner: SendOwner) {
    this.#owner = owner;
    this.#error = undefined;
  }

  /** True while writes are pending. */
  get isBusy(): boolean {
    return !this.#writes.isEmpty || !this.#sends.isEmpty;
  }

  /** True if a write would go to the system at once, with none before it. */
  get isIdle(): boolean {
    return !this.isBusy && this.#error === undefined && this.#state === "open";
  }

  /** True once FIN was sent. */
  get isEnded(): boolean {
    return this.#state === "ended";
  }

  /** True if the library has accepted all that was written. It sends these
   * bytes even after a close, as the system does. */
  get isAllAccepted(): boolean {
    const write = this.#writes.first;
    return write === undefined || write.bytes === undefined;
  }

  /** How much of the oldest pending write the library has accepted. */
  get offset(): number {
    const write = this.#sends.first?.write ?? this.#writes.first;
    return write?.offset ?? 0;
  }

  write(bytes: Uint8Array): Promise<number> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    const { length } = bytes;
    const { loop, id, settings } = this.#owner;
    const sends = this.#sends.length;
    const isNext = this.#writes.isEmpty && sends < settings.sendConcurrency;
    if (isNext && length <= CALL_MAX) {
      const result = loop.port.send(id, bytes, 0, length);
      /* The usual case. */
      if (isWhole(result, length) && sends === 0) {
        return loop.allowance.settledWrite(length);
      }
      return this.resume(bytes, result);
    }
    return this.#later(bytes);
  }

  /* Not a part of write(), where the closure would cost an object for what it
   * captures at each call. */
  #later(bytes: Uint8Array): Promise<number> {
    const { length } = bytes;
    return new Promise<number>((resolve, reject) => {
      this.enqueue({ bytes, length, offset: 0, resolve, reject });
    });
  }

  /** Passes to the library what it accepts now. Returns how much that is. */
  tryWrite(bytes: Uint8Array): number {
    const refusal = this.#refusal();
    if (refusal !== undefined) throw refusal;
    const { loop, id, settings } = this.#owner;
    const sends = this.#sends.length;
    if (!this.#writes.isEmpty || sends >= settings.sendConcurrency) return 0;
    const result = sendPart(loop.port, id, bytes, 0);
    if (result < 0) {
      const error = this.#owner.failure(result, "write");
      this.fail(error);
      throw error;
    }
    const length = result & ~PENDING;
    if ((result & PENDING) !== 0) {
      const offset = length;
      const write = { bytes, length, offset, resolve: ignore, reject: ignore };
      const send = { write, bytes: length, isLast: true, followers: [] };
      this.#sends = pushed(this.#sends, send);
      this.#owner.writesPending();
    }
    return length;
  }

  /** The bytes of pending writes that the library has not accepted. */
  get unaccepted(): number {
    return this.#writes.unaccepted;
  }

  /** The same as {@linkcode write} without a promise. */
  enqueue(write: PendingWrite): void {
    const refusal = this.#refusal();
    if (refusal !== undefined) write.reject(refusal);
    else this.#add(write);
  }

  /** Queues the rest of a write that was sent as the only one, with `result`. */
  resume(bytes: Uint8Array, result: number): Promise<number> {
    const { length } = bytes;
    return new Promise<number>((resolve, reject) => {
      this.#store({ bytes, length, offset: 0, resolve, reject });
      if (!this.#count(result)) return;
      this.#owner.writesPending();
      this.#run();
    });
  }

  /** Withdraws a write. Returns how much of it the library has accepted, which is
   * sent all the same. */
  cancel(write: PendingWrite): number {
    this.#writes.remove(write);
    this.#writes.unaccepted -= write.length - write.offset;
    /* Its remaining part settles no promise. */
    write.resolve = ignore;
    write.reject = ignore;
    this.#run();
    return write.offset;
  }

  /** Sends FIN behind all writes. */
  closeWrite(): Promise<void> {
    return new Promise<void>((done, reject) => {
      const resolve = () => done();
      const end = { bytes: undefined, length: 0, offset: 0, resolve, reject };
      this.enqueueEnd(end);
    });
  }

  /** The same without a promise. */
  enqueueEnd(end: PendingWrite): void {
    if (this.#error !== undefined) end.reject(this.#error);
    else if (this.#state === "open") {
      this.#state = "ending";
      this.#add(end);
    } else {
      /* This call relies on the earlier one. */
      if (this.#state === "ending") this.#state = "kept";
      end.resolve(0);
    }
  }

  /** Withdraws the end, so that the direction stays open, unless the library sends
   * FIN already or another call relies on it. */
  cancelEnd(end: PendingWrite): void {
    if (this.#state !== "ending") return;
    this.#state = "open";
    this.#writes.remove(end);
    this.#run();
  }

  /** The oldest send has completed. */
  sent(result: number, errno: number): void {
    if (result < 0) {
      this.#fails(this.#sends.first?.write, result, errno);
      return;
    }
    const send = this.#sends.shift();
    /* It was sent just when the connection was reset. */
    if (send === undefined) return;
    const { write, bytes, isLast, followers } = send;
    write.file?.sent(bytes);
    if (isLast) write.resolve(write.offset);
    for (const follower of followers) follower.resolve(follower.offset);
    this.#run();
  }

  /** FIN was sent, or could not be. */
  shut(result: number, errno: number): void {
    const end = this.#writes.shift();
    if (end === undefined) return;
    if (result < 0) {
      end.reject(this.#owner.failure(result, "shutdown", errno));
    } else {
      this.#state = "ended";
      end.resolve(0);
    }
    this.#owner.writesDone();
  }

  /** Fails all pending writes, and those that come. */
  fail(error: Error): void {
    this.#error ??= error;
    this.#owner.loop.allowance.settle();
    /* A write may have several sends. */
    const writes = new Set<PendingWrite>();
    for (const { write, followers } of this.#sends.removeAll()) {
      writes.add(write);
      for (const follower of followers) writes.add(follower);
    }
    for (const write of this.#writes.removeAll()) writes.add(write);
    this.#writes.unaccepted = 0;
    for (const write of writes) write.reject(this.#error);
    this.#owner.writesDone();
  }

  /* A write has failed, and with it all others. */
  #fails(
    write: PendingWrite | undefined,
    result: number,
    errno?: number,
  ): void {
    const syscall = write?.file === undefined ? "write" : "sendfile";
    this.#error ??= this.#owner.failure(result, syscall, errno);
    /* The peer must not mistake the part that it gets for the whole. */
    if (FILE_ERRORS.has(result)) this.#owner.reset();
    this.fail(this.#error);
  }

  /* Why a write cannot be accepted. */
  #refusal(): Error | undefined {
    if (this.#error !== undefined) return this.#error;
    if (this.#state === "open") return undefined;
    return new SocketError("EPIPE", { syscall: "write" });
  }

  #store(write: PendingWrite): void {
    this.#writes = withWrite(this.#writes, write);
  }

  #add(write: PendingWrite): void {
    this.#store(write);
    this.#owner.writesPending();
    if (this.#writes.first === write) this.#run();
  }

  /* Sends the next part in another turn. By then the write may have been
   * continued already, or be finished. */
  #runLater(): void {
    this.#owner.loop.allowance.resumeLater(() => {
      if (this.#writes.first?.bytes !== undefined) this.#run();
    });
  }

  /* Passes writes to the library until one has to wait. */
  #run(): void {
    const { loop, id, settings } = this.#owner;
    while (this.#sends.length < settings.sendConcurrency) {
      const write = this.#writes.first;
      if (write === undefined) break;
      const { bytes, file, length, offset } = write;
      if (bytes === undefined) {
        this.#shutdown();
        return;
      }
      if (file === undefined && bytes.length !== length) {
        this.#resetForLostBytes();
        return;
      }
      /* The peer may receive a long write as fast as it is sent. */
      if (!loop.allowance.isLeft) {
        this.#runLater();
        return;
      }
      const result = file === undefined
        ? sendPart(loop.port, id, bytes, offset)
        : file.send(id, offset);
      if (!this.#count(result)) return;
    }
    if (!this.isBusy) this.#owner.writesDone();
  }

  #shutdown(): void {
    /* The completion of the last pending send calls this again. */
    if (!this.#sends.isEmpty) return;
    const { loop, id } = this.#owner;
    const result = loop.port.shutdown(id);
    if (result < 0) this.fail(this.#owner.failure(result, "shutdown"));
    else this.#state = "shutting";
  }

  /* The user has transferred or resized the buffer of a pending write. The peer
   * must not mistake the part that it gets for the whole. */
  #resetForLostBytes(): void {
    this.#error ??= new SocketError("EFAULT", {
      syscall: "write",
      detail: "the buffer was transferred or resized before it was sent",
    });
    this.#owner.reset();
  }

  /* Counts what the library has accepted of the first write. Returns false when
   * the queue has failed. */
  #count(result: number): boolean {
    const write = this.#writes.first!;
    if (result < 0) {
      this.#fails(write, result);
      return false;
    }
    const { allowance } = this.#owner.loop;
    const bytes = result & ~PENDING;
    const isSettledNow = allowance.spend(bytes);
    write.offset += bytes;
    this.#writes.unaccepted -= bytes;
    const isLast = write.offset === write.length;
    if (isLast) this.#writes.shift();
    if ((result & PENDING) !== 0) {
      const send = { write, bytes, isLast, followers: [] };
      this.#sends = pushed(this.#sends, send);
      return true;
    }
    write.file?.sent(bytes);
    if (isLast) {
      if (!this.#sends.isEmpty) this.#sends.last!.followers.push(write);
      else if (isSettledNow) write.resolve(write.offset);
      else this.#resolveLater(write);
    }
    return true;
  }

  #resolveLater(write: PendingWrite): void {
    this.#owner.loop.allowance.defer(() => write.resolve(write.offset));
  }
}
