// Copyright the iocp authors. MIT license.
/* The writes of one connection, and what must hold of them:
 *
 * - they reach the system whole and in the order of their calls, and a write that
 *   is withdrawn says how much of it does;
 * - each is settled once, in order, and when nothing is left to happen, none is left
 *   pending. */

import assert from "node:assert/strict";
import { SocketError } from "../../mod.ts";
import { numberOf } from "../../src/errors.ts";
import type { PendingWrite } from "../../src/socket/send_queue.ts";
import {
  type Connection,
  type Outcome,
  pendingOf,
  settledInOrder,
} from "./connection.ts";
import { byteAt, bytesAt } from "./fake_library.ts";

interface Write {
  /* It can be withdrawn. */
  call: PendingWrite | undefined;
  readonly stream: number;
  readonly length: number;
  outcome: Outcome;
  /* What the system was given of it, once it is settled. */
  count: number;
}

interface End {
  readonly call: PendingWrite;
  outcome: Outcome;
}

export class Writes {
  readonly #at: Connection;
  readonly #calls: Write[] = [];
  /* Those whose callers have seen the result. */
  readonly #settled: Write[] = [];
  readonly #ends: End[] = [];
  /* Another call relies on the end, or it is on its way. */
  #isEndKept = false;
  /* The error of the files. */
  #fileFails = 0;

  constructor(at: Connection) {
    this.#at = at;
  }

  /* ---- calls of the program */

  write(length: number): void {
    if (!this.#at.isOpen) return;
    const [write, bytes] = this.#add(length);
    write.call = {
      bytes,
      length,
      offset: 0,
      resolve: (count) => {
        assert.equal(count, length);
        this.#done(write);
      },
      reject: (error) => {
        this.#checkError(error);
        this.#settle(write, "failed", 0);
      },
    };
    this.#at.socket.send.enqueue(write.call);
  }

  /** The usual call, which settles a promise. */
  writePromise(length: number): void {
    if (!this.#at.isOpen) return;
    const [write, bytes] = this.#add(length);
    this.#await(write, this.#at.socket.send.write(bytes));
  }

  /** A write that the caller has passed on itself. */
  resume(length: number): void {
    const { socket: { id, send }, library: { port }, isOpen } = this.#at;
    if (!isOpen || !send.isIdle) return;
    const [write, bytes] = this.#add(length);
    this.#await(write, send.resume(bytes, port.send(id, bytes, 0, length)));
  }

  #await(write: Write, promise: Promise<number>): void {
    promise.then(
      (count) => {
        assert.equal(count, write.length);
        this.#settle(write, "done", count);
        this.#settled.push(write);
      },
      (error) => {
        this.#checkError(error);
        this.#settle(write, "failed", 0);
      },
    );
  }

  tryWrite(length: number): void {
    if (!this.#at.isOpen) return;
    const [write, bytes] = this.#add(length);
    try {
      const count = this.#at.socket.send.tryWrite(bytes);
      assert.ok(count >= 0 && count <= length);
      this.#settle(write, "withdrawn", count);
    } catch (error) {
      this.#checkError(error);
      this.#settle(write, "failed", 0);
    }
  }

  /** A file in the place of bytes. */
  writeFile(length: number): void {
    if (!this.#at.isOpen) return;
    const [write, bytes] = this.#add(length);
    const { library: { port }, socket } = this.#at;
    let sent = 0;
    write.call = {
      bytes: new Uint8Array(),
      file: {
        send: (id, offset) =>
          this.#fileFails || port.send(id, bytes, offset, length - offset),
        sent: (count) => sent += count,
      },
      length,
      offset: 0,
      resolve: (count) => {
        assert.deepEqual([count, sent], [length, length]);
        this.#done(write);
      },
      reject: (error) => {
        this.#checkError(error);
        if (this.#fileFails !== 0 && !this.#hasEnd) {
          assert.equal((error as SocketError).syscall, "sendfile");
          assert.ok(socket.isReleased, "the peer sees that bytes lack");
        }
        this.#settle(write, "failed", 0);
      },
    };
    socket.send.enqueue(write.call);
  }

  /** The file is shorter than what was to be sent: the peer must not take the part
   * that it gets for the whole. */
  failFile(): void {
    if (!this.#at.isOpen || this.#hasEnd) return;
    for (const code of ["ENODATA", "EINTR"]) this.#at.failures.add(code);
    this.#fileFails = numberOf("ENODATA");
    this.writeFile(10);
  }

  /** The program takes away the memory of a write. */
  transfer(which: number): void {
    const write = pendingOf(this.#calls, which);
    if (write === undefined) return;
    for (const code of ["EFAULT", "EINTR"]) this.#at.failures.add(code);
    const { bytes } = write.call!;
    structuredClone(bytes, { transfer: [bytes!.buffer as ArrayBuffer] });
  }

  cancel(which: number): void {
    const write = pendingOf(this.#calls, which);
    if (write === undefined || this.#at.hasDeferred) return;
    write.outcome = "withdrawn";
    write.count = this.#at.socket.send.cancel(write.call!);
  }

  closeWrite(): void {
    if (!this.#at.isOpen) return;
    const settle = (outcome: Outcome) => {
      assert.equal(end.outcome, "pending");
      end.outcome = outcome;
    };
    const end: End = {
      outcome: "pending",
      call: {
        bytes: undefined,
        length: 0,
        offset: 0,
        resolve: () => settle("done"),
        reject: (error) => {
          this.#checkError(error);
          settle("failed");
        },
      },
    };
    this.#isEndKept = this.#hasEnd;
    this.#ends.push(end);
    this.#at.socket.send.enqueueEnd(end.call);
  }

  cancelEnd(): void {
    const end = this.#ends.find(({ outcome }) => outcome === "pending");
    if (end === undefined) return;
    const { library, socket } = this.#at;
    socket.send.cancelEnd(end.call);
    const isOnItsWay = library.shutdown !== "no" || this.#isEndKept;
    if (!isOnItsWay) end.outcome = "withdrawn";
  }

  changeConcurrency(sendConcurrency: number): void {
    const { library, socket } = this.#at;
    library.concurrency = Math.max(library.copies.length, sendConcurrency);
    socket.settings = { ...socket.settings, sendConcurrency };
  }

  /* ---- how they end */

  #add(length: number): [Write, Uint8Array<ArrayBuffer>] {
    const stream = this.#calls.length % 250;
    const write: Write = {
      call: undefined,
      stream,
      length,
      outcome: "pending",
      count: 0,
    };
    this.#calls.push(write);
    return [write, bytesAt(stream, 0, length)];
  }

  /* True once a call has ended the direction, and it was not withdrawn. */
  get #hasEnd(): boolean {
    return this.#ends.some(({ outcome }) => outcome !== "withdrawn");
  }

  #done(write: Write): void {
    this.#settle(write, "done", write.length);
    /* As a caller that awaits it sees it. */
    queueMicrotask(() => this.#settled.push(write));
  }

  #settle(write: Write, outcome: Outcome, count: number): void {
    assert.equal(write.outcome, "pending", "a write is settled once");
    write.outcome = outcome;
    write.count = count;
  }

  #checkError(error: unknown): void {
    /* A connection that the library closes has one error for both directions. */
    const syscalls = ["write", "sendfile", "shutdown", "read"];
    this.#at.checkFailure(error, syscalls, ...this.#hasEnd ? ["EPIPE"] : []);
  }

  /* ---- what must hold */

  /* What the system was given are the writes, in order; the last one, and one that
   * has failed, perhaps in part. */
  check(): void {
    const { library: { accepted }, socket: { send } } = this.#at;
    assert.equal(send.isAllAccepted, send.unaccepted === 0);
    let at = 0;
    let unaccepted = 0;
    let oldest: number | undefined;
    for (const { stream, length, outcome, count } of this.#calls) {
      const most = outcome === "withdrawn" ? count : length;
      let own = 0;
      while (
        own < most && at < accepted.length &&
        accepted[at] === byteAt(stream, own)
      ) {
        own++;
        at++;
      }
      if (outcome === "done" || outcome === "withdrawn") {
        assert.equal(own, most, "a write is passed on whole");
      }
      if (outcome !== "pending") continue;
      unaccepted += length - own;
      oldest ??= own;
    }
    if (!this.#at.hasDeferred) {
      assert.equal(send.unaccepted, unaccepted);
      /* What was withdrawn may still be sent. */
      const isAny = this.#calls.some(({ outcome }) => outcome === "withdrawn");
      if (!isAny && !this.#at.mayFail) assert.equal(send.offset, oldest ?? 0);
    }
    assert.equal(at, accepted.length, "nothing else is passed on");
    settledInOrder(this.#calls, this.#settled);
    this.#checkState();
  }

  #checkState(): void {
    const { library, socket: { send }, isOpen, mayFail } = this.#at;
    const hasFailed = this.#calls.some(({ outcome }) => outcome === "failed");
    if (hasFailed && this.#ends.length === 0) assert.ok(!send.isIdle);
    if (!isOpen || mayFail) return;
    assert.equal(send.isEnded, library.shutdown === "done");
    assert.equal(send.isIdle, !send.isBusy && !this.#hasEnd);
    if (this.#at.hasDeferred) return;
    const isBusy = library.copies.length > 0 ||
      [...this.#calls, ...this.#ends].some(({ outcome }) =>
        outcome === "pending"
      );
    assert.equal(send.isBusy, isBusy);
  }

  /** When everything that can happen has happened. */
  finish(): void {
    for (const { outcome, length } of this.#calls) {
      assert.notEqual(outcome, "pending", `a write of ${length} is left`);
    }
    for (const { outcome } of this.#ends) {
      assert.notEqual(outcome, "pending", "closeWrite() is left");
    }
  }
}
