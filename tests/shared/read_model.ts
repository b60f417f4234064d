// Copyright the iocp authors. MIT license.
/* The reads of one connection, and what must hold of them:
 *
 * - they get the peer's bytes in the order of their calls, each exactly once, and
 *   a read that is withdrawn loses none;
 * - each is settled once, in order, and when nothing is left to happen, none is left
 *   pending;
 * - no more is received ahead of them than the settings allow. */

import assert from "node:assert/strict";
import { SocketError } from "../../mod.ts";
import {
  type ReceiveOptions,
  receiveSettings,
} from "../../src/options/receive_mode.ts";
import type { Chunk } from "../../src/socket/chunk_queue.ts";
import { missingCredit, usesCredit } from "../../src/socket/credit.ts";
import type {
  LoopRead,
  PendingRead,
  Result,
} from "../../src/socket/pending_reads.ts";
import { Borrowing } from "./borrowing.ts";
import {
  type Connection,
  type Outcome,
  pendingOf,
  settledInOrder,
  turn,
} from "./connection.ts";
import { byteAt, bytesAt, PEER_STREAM } from "./fake_library.ts";

/* A read of a loop, or into a buffer. */
interface Read {
  /* It can be withdrawn. */
  call: PendingRead | undefined;
  readonly buffer: Uint8Array | undefined;
  outcome: Outcome;
  got: Uint8Array | null;
  /* The program has transferred the buffer. */
  isLost?: boolean;
  /* It was made after a detach. */
  readonly isLate: boolean;
}

export class Reads {
  readonly #at: Connection;
  readonly #calls: Read[] = [];
  /* Those whose callers have seen the result. */
  readonly #settled: Read[] = [];
  #borrowing: Borrowing | undefined;
  /* The calls of a loop whose promises are not settled. */
  #promises = 0;
  /* A loop fails once, and after that the connection has just ended. */
  #hasLoopFailed = false;
  #isDetached = false;
  readonly #leased: Chunk[] = [];
  #hasLeases = false;
  #limit: number;

  /** Some bytes may have arrived before the connection was added to its loop. */
  constructor(at: Connection, early: number) {
    this.#at = at;
    const { limit, bufferSize } = at.socket.settings.receive;
    this.#limit = Math.max(limit, bufferSize, early);
    at.library.arrived = at.library.delivered = early;
    at.socket.receive.preload(bytesAt(PEER_STREAM, 0, early));
  }

  /* ---- calls of the program */

  read(length: number | undefined): void {
    if (!this.#at.isOpen) return;
    const read = this.#add(length);
    const { buffer } = read;
    read.call = {
      buffer,
      isLoop: buffer === undefined,
      resolve: (got) => this.#hasRead(read, got),
      reject: (error) => this.#hasFailed(read, error),
    };
    const { ahead } = this.#at.socket.receive;
    this.#at.socket.receive.enqueue(read.call);
    if (buffer === undefined) this.#checkToppedUp(ahead);
  }

  /** The call of a loop, which settles a promise. A chunk that is leased is given
   * back by the next call. */
  next(length: number | undefined, isLeased = false): void {
    if (!this.#at.isOpen) return;
    this.#endLease();
    const { slab } = this.#at.library;
    if (isLeased && !this.#hasLeases) slab.addBorrower();
    this.#hasLeases ||= isLeased;
    const read = this.#add(length);
    const { buffer } = read;
    let lent: Chunk | undefined;
    let settle: Pick<PendingRead, "resolve" | "reject">;
    const valueOf = (got: Chunk | number) =>
      typeof got === "number" ? buffer!.subarray(0, got) as Chunk : got;
    const makePromise = () =>
      new Promise<Result>((resolve, reject) => {
        settle = {
          resolve: (got) =>
            resolve(
              got === null
                ? { value: undefined, done: true }
                : { value: valueOf(got), done: false },
            ),
          reject,
        };
      });
    const loop: LoopRead = {
      buffer,
      isLoop: true,
      makePromise,
      resolve: (got) => settle.resolve(got),
      reject: (error) => settle.reject(error),
      ...isLeased
        ? {
          borrow: (chunk) => {
            this.#leased.push(chunk);
            lent = chunk.slice();
          },
        }
        : {},
    };
    const { ahead } = this.#at.socket.receive;
    const promise = this.#at.socket.receive.next(loop);
    if (buffer === undefined) this.#checkToppedUp(ahead);
    this.#promises++;
    promise.then(
      ({ value = null, done }) => {
        this.#promises--;
        assert.equal(done === true, value === null);
        if (value !== null && buffer === undefined && lent === undefined) {
          this.#checkKept(value);
        }
        /* The memory of a lent chunk is used again. */
        read.got = lent ?? value;
        this.#end(read, "done");
        this.#settled.push(read);
      },
      (error) => {
        this.#promises--;
        this.#checkError(error);
        this.#hasLoopFailed = true;
        this.#end(read, "failed");
      },
    );
  }

  /** The call of a reader that borrows chunks, which has one call at a time. */
  borrow(length: number): void {
    const { socket, isOpen } = this.#at;
    const borrowing = this.#borrowing ??= new Borrowing(socket);
    if (!isOpen || borrowing.isBusy) return;
    const read = this.#add(undefined);
    borrowing.start(read, length, (outcome, error) => {
      if (outcome === "failed") this.#checkError(error);
      this.#settle(read, outcome);
    });
  }

  /** A pipe wants to know early when the peer ends. */
  receiveAhead(): void {
    const { library, socket: { receive, settings }, isOpen } = this.#at;
    if (!isOpen) return;
    receive.receiveAhead();
    if (library.isArmed || receive.isEnded) return;
    if (this.#borrowing?.isBusy || this.#isDetached) return;
    const ahead = library.credit + receive.ahead;
    assert.equal(missingCredit(settings.receive, ahead), 0, "it is received");
  }

  /** A reader is not used any more. */
  reclaim(): void {
    this.#at.socket.receive.reclaim();
  }

  cancel(which: number): void {
    const read = pendingOf(this.#calls, which);
    if (read === undefined || this.#at.hasDeferred) return;
    read.outcome = "withdrawn";
    this.#at.socket.receive.cancel(read.call!);
  }

  /** The program takes away the memory of a read. */
  transfer(which: number): void {
    const buffers = this.#calls.filter(({ buffer }) => buffer !== undefined);
    const read = pendingOf(buffers, which);
    if (read === undefined || this.#at.hasDeferred) return;
    read.isLost = true;
    structuredClone(read.buffer, {
      transfer: [read.buffer!.buffer as ArrayBuffer],
    });
  }

  change(options: ReceiveOptions): void {
    const { socket, isOpen } = this.#at;
    if (!isOpen) return;
    const receive = receiveSettings(options);
    this.#limit = Math.max(this.#limit, receive.limit, receive.bufferSize);
    socket.settings = { ...socket.settings, receive };
    socket.receive.settingsChanged();
  }

  /** What has arrived, and what still arrives, is for the next owner. */
  detach(): void {
    const { socket: { receive }, isOpen } = this.#at;
    if (!isOpen) return;
    this.#at.failures.add("EINTR");
    if (receive.hasFailed) {
      assert.throws(() => receive.prepareDetach(), SocketError);
      return;
    }
    receive.prepareDetach();
    receive.detach("it is detached");
    this.#isDetached = true;
  }

  /* ---- how they end */

  #add(length: number | undefined): Read {
    const read: Read = {
      call: undefined,
      buffer: length === undefined ? undefined : new Uint8Array(length),
      outcome: "pending",
      got: null,
      isLate: this.#isDetached,
    };
    this.#calls.push(read);
    return read;
  }

  #hasRead(read: Read, got: Chunk | number | null): void {
    if (read.buffer === undefined) {
      assert.notEqual(typeof got, "number");
      /* A chunk is the program's: later chunks must not change it. */
      read.got = got as Chunk | null;
      if (got !== null) this.#checkKept(got as Chunk);
    } else if (got !== null) {
      assert.ok(typeof got === "number" && got <= read.buffer.length);
      assert.ok(got > 0 || read.buffer.length === 0);
      read.got = read.buffer.subarray(0, got);
    }
    this.#settle(read, "done");
  }

  #hasFailed(read: Read, error: Error): void {
    if (read.isLost && error instanceof TypeError) {
      assert.match(error.message, /while it is read into: .*transferred/);
    } else {
      this.#checkError(error);
      if (read.buffer === undefined) this.#hasLoopFailed = true;
    }
    this.#settle(read, "failed");
  }

  /* Its memory is not used again. */
  #checkKept(chunk: Chunk): void {
    const { slab } = this.#at.library;
    if (slab.hasLent) assert.ok(slab.isKept(chunk), "the chunk is kept");
  }

  #endLease(): void {
    for (const chunk of this.#leased.splice(0)) {
      this.#at.library.slab.giveBack(chunk);
    }
  }

  #checkError(error: unknown): void {
    this.#at.checkFailure(error, ["read"]);
  }

  #settle(read: Read, outcome: Outcome): void {
    this.#end(read, outcome);
    /* A read of nothing waits for no other. */
    if (read.buffer?.length === 0) return;
    /* As a caller that awaits it sees it. */
    queueMicrotask(() => this.#settled.push(read));
  }

  #end(read: Read, outcome: Outcome): void {
    assert.equal(read.outcome, "pending", "a read is settled once");
    read.outcome = outcome;
  }

  /* ---- what must hold */

  /* The bytes that reads have got. */
  get #used(): number {
    return this.#calls.reduce((sum, { got }) => sum + (got?.length ?? 0), 0);
  }

  check(): void {
    const { library, socket } = this.#at;
    const ahead = library.credit + socket.receive.ahead;
    assert.ok(ahead <= this.#limit, `${ahead} bytes are received ahead`);
    this.#checkRequested(ahead);
    this.#checkState();
    let place = 0;
    for (const { got } of settledInOrder(this.#calls, this.#settled)) {
      for (const byte of got ?? []) {
        if (byte !== byteAt(PEER_STREAM, place)) {
          assert.fail(`byte ${place} of the stream is not the next one`);
        }
        place++;
      }
    }
    assert.ok(place <= library.delivered);
  }

  #checkState(): void {
    const { library, socket: { receive }, mayFail, isOpen } = this.#at;
    if (!isOpen || this.#isDetached) return;
    const hasFailed = library.hasReportedEnd && library.resetBy !== 0;
    if (!this.#hasLoopFailed) assert.equal(receive.hasFailed, hasFailed);
    if (this.#promises === 0 && !this.#at.hasDeferred) {
      assert.equal(receive.ahead, library.delivered - this.#used);
    }
    if (mayFail) return;
    assert.equal(receive.isEnded, library.hasReportedEnd);
    assert.equal(receive.hasPeerEnded, library.hasReportedEnd);
  }

  /* A loop that has got one of the chunks receives more while it works. */
  #checkToppedUp(aheadBefore: number): void {
    const { library, socket: { receive, settings }, isOpen } = this.#at;
    if (receive.ahead >= aheadBefore || !isOpen || this.#isDetached) return;
    if (library.isArmed || receive.isEnded || this.#borrowing?.isBusy) return;
    const ahead = library.credit + receive.ahead;
    assert.equal(missingCredit(settings.receive, ahead), 0, "it is topped up");
  }

  /* Bytes for a read that waits were asked for, and as many as the settings say. */
  #checkRequested(ahead: number): void {
    const { library, socket, isOpen } = this.#at;
    const read = this.#calls.find(({ outcome }) => outcome === "pending");
    if (read === undefined || !isOpen || library.isOver) return;
    if (library.isArmed || this.#at.hasDeferred) return;
    const { receive } = socket.settings;
    if (usesCredit(receive, read.buffer !== undefined)) {
      assert.equal(missingCredit(receive, ahead), 0, "credit is asked for");
    } else assert.notEqual(library.credit, 0, "a read waits for something");
  }

  /** When everything that can happen has happened. */
  finish(): void {
    for (const { outcome, buffer, got, isLate } of this.#calls) {
      if (isLate) assert.equal(got?.length ?? 0, 0, "it is for the next owner");
      assert.notEqual(
        outcome,
        "pending",
        `a read of ${buffer?.length} is left`,
      );
    }
    if (!this.#isDetached || !this.#at.isOpen) return;
    const { library: { delivered }, socket: { receive } } = this.#at;
    const used = this.#used;
    const rest = receive.removeAll();
    assert.deepEqual(rest, bytesAt(PEER_STREAM, used, delivered - used));
    assert.equal(receive.removeAll().length, 0);
  }

  /** Reads the peer's stream to its end. */
  async readRest(): Promise<void> {
    const { library } = this.#at;
    for (let turns = 0;; turns++) {
      assert.ok(turns < 2000, "the stream has an end");
      const kind = this.#calls.length % 5;
      if (kind === 0) this.read(undefined);
      else if (kind === 1) this.next(undefined);
      else if (kind === 2) this.next(70);
      else if (kind === 3) this.borrow(300);
      else this.read(500);
      library.turn(() => true, 1e6);
      await turn();
      const { got, outcome } = this.#calls.at(-1)!;
      if (outcome === "done" && got === null) break;
    }
    this.#endLease();
    this.reclaim();
    assert.equal(library.slab.open, 0, "no chunk is lost");
    this.check();
    assert.equal(library.delivered, library.arrived);
    assert.equal(this.#used, library.arrived, "every byte was read");
  }
}
