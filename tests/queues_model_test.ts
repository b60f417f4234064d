// Copyright the iocp authors. MIT license.
/* Random calls and completions of one connection, over a plain reference of the
 * library (shared/fake_library.ts), against what a stream promises:
 *
 * - reads get the peer's bytes in the order of their calls, each exactly once, and
 *   a read that is withdrawn loses none;
 * - writes reach the system whole and in the order of their calls, and a write that
 *   is withdrawn says how much of it does;
 * - every call is settled once, in order, and when nothing is left to happen, no
 *   call is left pending;
 * - no more is received ahead of the reader than the settings allow;
 * - the library is called as its contract allows (see FakeLibrary).
 *
 * A failure prints the smallest sequence of actions that shows it, and its seed. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SocketError } from "../mod.ts";
import { numberOf } from "../src/errors.ts";
import { receiveSettings } from "../src/options/receive_mode.ts";
import {
  type Borrower,
  type Chunk,
  COPY_BELOW,
} from "../src/socket/chunk_queue.ts";
import { missingCredit, usesCredit } from "../src/socket/credit.ts";
import type { PendingRead } from "../src/socket/pending_reads.ts";
import type { PendingWrite } from "../src/socket/send_queue.ts";
import { Socket, type SocketSettings } from "../src/socket/socket.ts";
import {
  byteAt,
  bytesAt,
  COPY_MAX,
  ECONNRESET,
  ENOBUFS,
  FakeLibrary,
  PEER_STREAM,
} from "./shared/fake_library.ts";
import { type Action, action as actionOf, nothing } from "./shared/actions.ts";

const RECEIVES = [
  {},
  { bufferSize: 64 },
  { mode: "zero-byte" },
  { mode: "zero-byte", bufferSize: 64 },
  { mode: "flow", bufferSize: 100 },
  { mode: "burst", bufferSize: 50, depth: 3, limit: 120 },
] as const;

type Outcome = "pending" | "withdrawn" | "failed" | "done";

/* A read of a loop, or into a buffer. */
interface Read {
  readonly call: PendingRead;
  readonly buffer: Uint8Array | undefined;
  outcome: Outcome;
  got: Uint8Array | null;
  /* The program has transferred the buffer. */
  isLost?: boolean;
}

interface Write {
  readonly call: PendingWrite;
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

/* A reader of so many bytes, which takes chunks for that, and gives back what it has
 * not used to the next read of another kind. */
class Borrowing implements PendingRead, Borrower {
  readonly buffer = undefined;
  readonly isLoop = false;
  readonly #socket: Socket;
  #read: Read | undefined;
  #settle: ((outcome: Outcome) => void) | undefined;
  #missing = 0;
  #rest: Chunk[] = [];
  #lent: Chunk | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.loop.slab.addBorrower();
  }

  start(read: Read, length: number, settle: (outcome: Outcome) => void): void {
    this.#read = read;
    this.#settle = settle;
    this.#missing = length;
    this.#use(false);
  }

  get isBusy(): boolean {
    return this.#read !== undefined;
  }

  get unused(): number {
    return this.#rest.reduce((sum, { length }) => sum + length, 0);
  }

  giveBack(): Chunk | undefined {
    const rest = this.#rest.splice(0);
    return rest.length === 0 ? undefined : joined(rest);
  }

  resolve(got: Chunk | number | null): void {
    assert.notEqual(typeof got, "number");
    if (got === null) this.#finish("done");
    else {
      /* Its memory is used again, so this side keeps a copy. */
      const chunk = got as Chunk;
      assert.equal(this.#lent, chunk);
      this.#lent = undefined;
      this.#rest.push(chunk.slice());
      this.#socket.loop.slab.giveBack(chunk);
      this.#use(true);
    }
  }

  reject(error: Error): void {
    assert.ok(error instanceof SocketError);
    this.#finish("failed");
  }

  borrow(chunk: Chunk): void {
    this.#lent = chunk;
  }

  #use(isContinued: boolean): void {
    const read = this.#read!;
    const bytes = joined(this.#rest.splice(0));
    const used = bytes.subarray(0, this.#missing);
    if (used.length < bytes.length) this.#rest = [bytes.slice(used.length)];
    if (used.length > 0) {
      read.got = joined([read.got ?? new Uint8Array(), used]);
    }
    this.#missing -= used.length;
    if (this.#missing === 0) this.#finish("done");
    else this.#socket.receive.borrow(this, isContinued);
  }

  #finish(outcome: Outcome): void {
    this.#read = undefined;
    this.#settle!(outcome);
  }
}

function joined(parts: Uint8Array[]): Chunk {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/* One connection with everything that was called. */
class World {
  readonly library = new FakeLibrary();
  readonly socket: Socket;
  readonly reads: Read[] = [];
  readonly writes: Write[] = [];
  readonly settledReads: Read[] = [];
  readonly settledWrites: Write[] = [];
  readonly ends: End[] = [];
  /* Another call relies on the end, or it is on its way. */
  #isEndKept = false;
  #borrowing: Borrowing | undefined;
  /* The calls of a loop whose promises are not settled. */
  #promises = 0;
  /* A loop fails once, and after that the connection has just ended. */
  #hasLoopFailed = false;
  #isDetached = false;
  /* An error of the stream, or of a close, may have been reported. */
  mayFail = false;
  /* The error of the files. */
  fileFails = 0;
  #limit = 0;

  /* Some bytes may have arrived before it was added to the loop. */
  constructor(early: number, receive: number) {
    const settings = {
      receive: receiveSettings(RECEIVES[receive]),
      sendConcurrency: 1,
      closeTimeout: 1e6,
      transport: "tcp",
      listenerAddr: { transport: "tcp", hostname: "127.0.0.1", port: 1 },
    };
    this.socket = new Socket(
      this.library,
      this.library.id,
      settings as unknown as SocketSettings,
      "new",
    );
    const { limit, bufferSize } = settings.receive;
    this.#limit = Math.max(limit, bufferSize, early);
    this.library.arrived = this.library.delivered = early;
    this.socket.receive.preload(bytesAt(PEER_STREAM, 0, early));
  }

  get isOpen(): boolean {
    return !this.socket.isClosed;
  }

  /* ---- calls of the program */

  read(length: number | undefined): void {
    if (!this.isOpen) return;
    const buffer = length === undefined ? undefined : new Uint8Array(length);
    const read: Read = {
      buffer,
      outcome: "pending",
      got: null,
      call: {
        buffer,
        isLoop: buffer === undefined,
        resolve: (got) => this.#hasRead(read, got),
        reject: (error) => {
          if (read.isLost && error instanceof TypeError) {
            assert.match(error.message, /while it is read into: .*transferred/);
            this.#settleRead(read, "failed");
            return;
          }
          assert.ok(error instanceof SocketError);
          assert.ok(this.mayFail, `a read fails: ${error.message}`);
          if (read.call.isLoop) this.#hasLoopFailed = true;
          this.#settleRead(read, "failed");
        },
      },
    };
    this.reads.push(read);
    this.socket.receive.enqueue(read.call);
  }

  #hasRead(read: Read, got: Chunk | number | null): void {
    if (read.buffer === undefined) {
      assert.notEqual(typeof got, "number");
      /* A chunk is the program's: later chunks must not change it. */
      read.got = got as Chunk | null;
    } else if (got !== null) {
      assert.ok(typeof got === "number" && got <= read.buffer.length);
      assert.ok(got > 0 || read.buffer.length === 0);
      read.got = read.buffer.subarray(0, got);
    }
    this.#settleRead(read, "done");
  }

  #settleRead(read: Read, outcome: Outcome): void {
    assert.equal(read.outcome, "pending", "a read is settled once");
    read.outcome = outcome;
    /* A read of nothing waits for no other. */
    if (read.buffer?.length === 0) return;
    /* As a caller that awaits it sees it. */
    queueMicrotask(() => this.settledReads.push(read));
  }

  /* The call of a loop, which settles a promise. */
  next(length: number | undefined): void {
    if (!this.isOpen) return;
    const buffer = length === undefined ? undefined : new Uint8Array(length);
    const read: Read = {
      buffer,
      outcome: "pending",
      got: null,
      call: undefined as unknown as PendingRead,
    };
    this.reads.push(read);
    let settle: Pick<PendingRead, "resolve" | "reject">;
    const valueOf = (got: Chunk | number) =>
      typeof got === "number" ? buffer!.subarray(0, got) as Chunk : got;
    const promise = this.socket.receive.next({
      buffer,
      isLoop: true,
      makePromise: () =>
        new Promise((resolve, reject) => {
          settle = {
            resolve: (got) =>
              resolve(
                got === null
                  ? { value: undefined, done: true }
                  : { value: valueOf(got), done: false },
              ),
            reject,
          };
        }),
      resolve: (got) => settle.resolve(got),
      reject: (error) => settle.reject(error),
    });
    this.#promises++;
    promise.then(
      ({ value = null, done }) => {
        this.#promises--;
        assert.equal(done === true, value === null);
        read.got = value;
        assert.equal(read.outcome, "pending", "a read is settled once");
        read.outcome = "done";
        this.settledReads.push(read);
      },
      (error) => {
        this.#promises--;
        assert.ok(error instanceof SocketError);
        assert.ok(this.mayFail, `a read fails: ${error.message}`);
        this.#hasLoopFailed = true;
        read.outcome = "failed";
      },
    );
  }

  /* The call of a reader that borrows chunks, which has one call at a time. */
  borrow(length: number): void {
    const borrowing = this.#borrowing ??= new Borrowing(this.socket);
    if (!this.isOpen || borrowing.isBusy) return;
    const read: Read = {
      buffer: undefined,
      outcome: "pending",
      got: null,
      call: undefined as unknown as PendingRead,
    };
    this.reads.push(read);
    borrowing.start(read, length, (outcome) => {
      assert.ok(outcome === "done" || this.mayFail);
      this.#settleRead(read, outcome);
    });
  }

  cancelRead(which: number): void {
    const pending = this.reads.filter(({ outcome, call }) =>
      outcome === "pending" && call !== undefined
    );
    if (pending.length === 0) return;
    const read = pending[which % pending.length]!;
    /* What is settled in the next turn has its bytes already. */
    if (this.library.allowance.isPending) return;
    read.outcome = "withdrawn";
    this.socket.receive.cancel(read.call);
  }

  write(length: number, isTry: boolean): void {
    if (!this.isOpen) return;
    const stream = this.writes.length % 250;
    const bytes = bytesAt(stream, 0, length);
    const write: Write = {
      stream,
      length,
      outcome: "pending",
      count: 0,
      call: {
        bytes,
        length,
        offset: 0,
        resolve: (count) => {
          assert.equal(count, length);
          this.#writeDone(write);
        },
        reject: (error) => {
          assert.ok(error instanceof SocketError);
          assert.ok(
            this.mayFail || this.#hasEnd,
            `a write fails: ${error.message}`,
          );
          this.#settleWrite(write, "failed", 0);
        },
      },
    };
    this.writes.push(write);
    if (!isTry) this.socket.send.enqueue(write.call);
    else {
      try {
        const count = this.socket.send.tryWrite(bytes);
        assert.ok(count >= 0 && count <= length);
        write.outcome = "withdrawn";
        write.count = count;
      } catch (error) {
        write.call.reject(error as Error);
      }
    }
  }

  #writeDone(write: Write): void {
    this.#settleWrite(write, "done", write.length);
    queueMicrotask(() => this.settledWrites.push(write));
  }

  /* A file in the place of bytes. */
  writeFile(length: number): void {
    if (!this.isOpen) return;
    const stream = this.writes.length % 250;
    const bytes = bytesAt(stream, 0, length);
    let sent = 0;
    const write: Write = {
      stream,
      length,
      outcome: "pending",
      count: 0,
      call: {
        bytes: new Uint8Array(),
        file: {
          send: (id, offset) =>
            this.fileFails ||
            this.library.port.send(id, bytes, offset, length - offset),
          sent: (count) => sent += count,
        },
        length,
        offset: 0,
        resolve: (count) => {
          assert.deepEqual([count, sent], [length, length]);
          this.#writeDone(write);
        },
        reject: (error) => {
          assert.ok(error instanceof SocketError);
          assert.ok(this.mayFail || this.#hasEnd);
          if (this.fileFails !== 0 && !this.#hasEnd) {
            assert.equal(error.syscall, "sendfile");
            assert.ok(this.socket.isReleased, "the peer sees that bytes lack");
          }
          this.#settleWrite(write, "failed", 0);
        },
      },
    };
    this.writes.push(write);
    this.socket.send.enqueue(write.call);
  }

  /* The file is shorter than what was to be sent: the peer must not take the part
   * that it gets for the whole. */
  failFile(): void {
    if (!this.isOpen || this.#hasEnd) return;
    this.mayFail = true;
    this.fileFails = numberOf("ENODATA");
    this.writeFile(10);
  }

  /* The usual call, which settles a promise. */
  writePromise(length: number): void {
    if (!this.isOpen) return;
    const stream = this.writes.length % 250;
    const write: Write = {
      stream,
      length,
      outcome: "pending",
      count: 0,
      call: undefined as unknown as PendingWrite,
    };
    this.writes.push(write);
    this.socket.send.write(bytesAt(stream, 0, length)).then(
      (count) => {
        assert.equal(count, length);
        this.#settleWrite(write, "done", count);
        this.settledWrites.push(write);
      },
      () => this.#settleWrite(write, "failed", 0),
    );
  }

  #settleWrite(write: Write, outcome: Outcome, count: number): void {
    assert.equal(write.outcome, "pending", "a write is settled once");
    write.outcome = outcome;
    write.count = count;
  }

  /* The program takes away the memory of a write. */
  transfer(which: number): void {
    const pending = this.writes.filter(({ outcome, call }) =>
      outcome === "pending" && call?.bytes !== undefined
    );
    if (pending.length === 0) return;
    const { call } = pending[which % pending.length]!;
    this.mayFail = true;
    structuredClone(call.bytes, {
      transfer: [call.bytes!.buffer as ArrayBuffer],
    });
  }

  /* The same of a read. */
  transferRead(which: number): void {
    const pending = this.reads.filter(({ outcome, buffer, call }) =>
      outcome === "pending" && call !== undefined && buffer !== undefined
    );
    if (pending.length === 0 || this.library.allowance.isPending) return;
    const read = pending[which % pending.length]!;
    read.isLost = true;
    structuredClone(read.buffer, {
      transfer: [read.buffer!.buffer as ArrayBuffer],
    });
  }

  cancelWrite(which: number): void {
    const pending = this.writes.filter(({ outcome, call }) =>
      outcome === "pending" && call !== undefined
    );
    if (pending.length === 0 || this.library.allowance.isPending) return;
    const write = pending[which % pending.length]!;
    write.outcome = "withdrawn";
    write.count = this.socket.send.cancel(write.call);
  }

  closeWrite(): void {
    if (!this.isOpen) return;
    const end: End = {
      outcome: "pending",
      call: {
        bytes: undefined,
        length: 0,
        offset: 0,
        resolve: () => {
          assert.equal(end.outcome, "pending");
          end.outcome = "done";
        },
        reject: () => {
          assert.ok(this.mayFail);
          assert.equal(end.outcome, "pending");
          end.outcome = "failed";
        },
      },
    };
    this.#isEndKept = this.ends.some(({ outcome }) => outcome !== "withdrawn");
    this.ends.push(end);
    this.socket.send.enqueueEnd(end.call);
  }

  /* True once a call has ended the direction, and it was not withdrawn. */
  get #hasEnd(): boolean {
    return this.ends.some(({ outcome }) => outcome !== "withdrawn");
  }

  cancelEnd(): void {
    const end = this.ends.find(({ outcome }) => outcome === "pending");
    if (end === undefined) return;
    this.socket.send.cancelEnd(end.call);
    const isOnItsWay = this.library.shutdown !== "no" || this.#isEndKept;
    if (!isOnItsWay) end.outcome = "withdrawn";
  }

  receiveOption(which: number): void {
    if (!this.isOpen) return;
    const receive = receiveSettings(RECEIVES[which % RECEIVES.length]);
    this.#limit = Math.max(this.#limit, receive.limit, receive.bufferSize);
    this.socket.settings = { ...this.socket.settings, receive };
    this.socket.receive.settingsChanged();
  }

  concurrencyOption(sendConcurrency: number): void {
    this.library.concurrency = Math.max(
      this.library.copies.length,
      sendConcurrency,
    );
    this.socket.settings = { ...this.socket.settings, sendConcurrency };
  }

  close(isReset: boolean): void {
    this.mayFail = true;
    if (isReset) this.socket.reset();
    else this.socket.close();
  }

  /* What has arrived, and what still arrives, is for the next owner. */
  detach(): void {
    if (!this.isOpen) return;
    this.mayFail = true;
    const { receive } = this.socket;
    if (receive.hasFailed) {
      assert.throws(() => receive.prepareDetach(), SocketError);
      return;
    }
    receive.prepareDetach();
    receive.detach("it is detached");
    this.#isDetached = true;
  }

  #checkDetached(): void {
    if (!this.#isDetached || !this.isOpen) return;
    const { receive } = this.socket;
    const { delivered } = this.library;
    const used = this.#used;
    const rest = receive.removeAll();
    assert.deepEqual(rest, bytesAt(PEER_STREAM, used, delivered - used));
    assert.equal(receive.removeAll().length, 0);
  }

  /* The bytes that reads have got. */
  get #used(): number {
    return this.reads.reduce((sum, { got }) => sum + (got?.length ?? 0), 0);
  }

  /* ---- the system */

  fail(error: number): void {
    this.mayFail = true;
    if (!this.library.isOver) this.library.resetBy = error;
  }

  /* ---- what must hold */

  check(): void {
    const { library, socket } = this;
    const ahead = library.credit + socket.receive.ahead;
    assert.ok(ahead <= this.#limit, `${ahead} bytes are received ahead`);
    this.#checkRequested(ahead);
    this.#checkState();
    let place = 0;
    for (const { got } of this.#settledInOrder(this.reads, this.settledReads)) {
      for (const byte of got ?? []) {
        if (byte !== byteAt(PEER_STREAM, place)) {
          assert.fail(`byte ${place} of the stream is not the next one`);
        }
        place++;
      }
    }
    assert.ok(place <= library.delivered);
    this.#checkAccepted();
  }

  #checkState(): void {
    const { library, socket: { receive, send } } = this;
    assert.equal(send.isAllAccepted, send.unaccepted === 0);
    if (!this.isOpen || this.#isDetached) return;
    const hasFailed = library.hasReportedEnd && library.resetBy !== 0;
    if (!this.#hasLoopFailed) assert.equal(receive.hasFailed, hasFailed);
    if (this.#promises === 0 && !library.allowance.isPending) {
      assert.equal(receive.ahead, library.delivered - this.#used);
    }
    if (this.mayFail) return;
    assert.equal(receive.isEnded, library.hasReportedEnd);
    assert.equal(receive.hasPeerEnded, library.hasReportedEnd);
    assert.equal(send.isEnded, library.shutdown === "done");
    assert.equal(send.isIdle, !send.isBusy && !this.#hasEnd);
  }

  /* Bytes for a read that waits were asked for, and as many as the settings say. */
  #checkRequested(ahead: number): void {
    const { library, socket } = this;
    const read = this.reads.find(({ outcome }) => outcome === "pending");
    if (read === undefined || !this.isOpen || library.isOver) return;
    if (library.isArmed || library.allowance.isPending) return;
    const { receive } = socket.settings;
    if (!usesCredit(receive, read.buffer !== undefined)) {
      assert.notEqual(library.credit, 0, "a read waits for something");
    } else {assert.equal(
        missingCredit(receive, ahead),
        0,
        "credit is asked for",
      );}
  }

  /* Those whose callers have seen the result, which are in the order of their
   * calls. */
  #settledInOrder<T extends { outcome: Outcome }>(
    calls: T[],
    settled: T[],
  ): T[] {
    const done = settled.filter(({ outcome }) => outcome === "done");
    const places = done.map((call) => calls.indexOf(call));
    const sorted = [...places].sort((a, b) => a - b);
    assert.deepEqual(places, sorted, "calls are settled in order");
    return done;
  }

  /* What the system was given are the writes, in order; the last one, and one that
   * has failed, perhaps in part. */
  #checkAccepted(): void {
    const { accepted } = this.library;
    let at = 0;
    let unaccepted = 0;
    for (const { stream, length, outcome, count } of this.writes) {
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
      if (outcome === "pending") unaccepted += length - own;
    }
    const { send } = this.socket;
    if (!this.library.allowance.isPending) {
      assert.equal(send.unaccepted, unaccepted);
      const isBusy = this.library.copies.length > 0 ||
        [...this.writes, ...this.ends].some(({ outcome }) =>
          outcome === "pending"
        );
      if (!this.mayFail) assert.equal(send.isBusy, isBusy);
    }
    assert.equal(at, accepted.length, "nothing else is passed on");
    this.#settledInOrder(this.writes, this.settledWrites);
  }

  /* Everything that can happen happens: then nothing is left pending. */
  async finish(): Promise<void> {
    const { library } = this;
    library.room = 1e9;
    library.sendFails = 0;
    library.hasFin = true;
    for (let turns = 0; turns < 400; turns++) {
      library.turn(() => true, 1e6);
      await turn();
      if (!library.hasRecords && !library.allowance.isPending) break;
    }
    this.check();
    this.#checkDetached();
    for (const { outcome, length } of this.writes) {
      assert.notEqual(outcome, "pending", `a write of ${length} is left`);
    }
    for (const { outcome } of this.ends) {
      assert.notEqual(outcome, "pending", "closeWrite() is left");
    }
    for (const { outcome, buffer } of this.reads) {
      assert.notEqual(
        outcome,
        "pending",
        `a read of ${buffer?.length} is left`,
      );
    }
    if (!this.mayFail) await this.#readRest();
    this.socket.reset();
    library.turn(() => true, 1e6);
    assert.equal(library.holds, 0, "a closed connection holds nothing");
  }

  /* The peer's stream, to its end. */
  async #readRest(): Promise<void> {
    const { library } = this;
    for (let turns = 0;; turns++) {
      assert.ok(turns < 2000, "the stream has an end");
      this.read(turns % 3 === 0 ? undefined : 500);
      library.turn(() => true, 1e6);
      await turn();
      const { got, outcome } = this.reads.at(-1)!;
      if (outcome === "done" && got === null) break;
    }
    this.check();
    assert.equal(library.delivered, library.arrived);
    const bytes = this.reads.reduce(
      (sum, { got }) => sum + (got?.length ?? 0),
      0,
    );
    assert.equal(bytes, library.arrived, "every byte was read");
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const sizes = fc.oneof(
  fc.integer({ min: 1, max: 40 }),
  fc.integer({ min: 1, max: 3 * COPY_MAX }),
);
const few = fc.nat({ max: 5 });

function action<T>(
  name: string,
  argument: fc.Arbitrary<T>,
  run: (world: World, value: T) => unknown,
): fc.Arbitrary<Action<World>> {
  return actionOf(name, argument, run);
}

/* The likely ones; those that end the connection are rare. */
const actions = fc.oneof(
  {
    weight: 6,
    arbitrary: action("read", sizes, (world, size) => world.read(size)),
  },
  {
    weight: 5,
    arbitrary: action("loop", nothing, (world) => world.read(undefined)),
  },
  {
    weight: 6,
    arbitrary: action(
      "arrive",
      sizes,
      (world, size) => world.library.arrive(size),
    ),
  },
  {
    weight: 8,
    arbitrary: action(
      "turn",
      fc.tuple(fc.boolean(), fc.boolean(), fc.boolean(), sizes),
      (world, [receives, sends, shuts, size]) =>
        world.library.turn(
          (kind) => ({ receive: receives, sent: sends, shut: shuts })[kind],
          size,
        ),
    ),
  },
  { weight: 2, arbitrary: action("rest", nothing, () => turn()) },
  {
    weight: 6,
    arbitrary: action(
      "write",
      sizes,
      (world, size) => world.write(size, false),
    ),
  },
  {
    weight: 3,
    arbitrary: action(
      "await write",
      sizes,
      (world, size) => world.writePromise(size),
    ),
  },
  {
    weight: 2,
    arbitrary: action("file", sizes, (world, size) => world.writeFile(size)),
  },
  {
    weight: 2,
    arbitrary: action("try", sizes, (world, size) => world.write(size, true)),
  },
  {
    weight: 3,
    arbitrary: action(
      "room",
      sizes,
      (world, size) => world.library.room += size,
    ),
  },
  {
    weight: 2,
    arbitrary: action(
      "withdraw read",
      few,
      (world, which) => world.cancelRead(which),
    ),
  },
  {
    weight: 2,
    arbitrary: action(
      "withdraw write",
      few,
      (world, which) => world.cancelWrite(which),
    ),
  },
  {
    weight: 2,
    arbitrary: action(
      "receive",
      few,
      (world, which) => world.receiveOption(which),
    ),
  },
  {
    weight: 1,
    arbitrary: action(
      "concurrency",
      few,
      (world, n) => world.concurrencyOption(n + 1),
    ),
  },
  {
    weight: 1,
    arbitrary: action(
      "busy",
      nothing,
      (world) => world.library.allowance.spend(2 ** 20),
    ),
  },
  {
    weight: 1,
    arbitrary: action("closeWrite", nothing, (world) => world.closeWrite()),
  },
  {
    weight: 1,
    arbitrary: action("read", fc.constant(0), (world) => world.read(0)),
  },
  {
    weight: 4,
    arbitrary: action("next", nothing, (world) => world.next(undefined)),
  },
  {
    weight: 2,
    arbitrary: action("next into", sizes, (world, size) => world.next(size)),
  },
  {
    weight: 3,
    arbitrary: action("borrow", sizes, (world, size) => world.borrow(size)),
  },
  {
    weight: 1,
    arbitrary: action("withdraw end", nothing, (world) => world.cancelEnd()),
  },
  {
    weight: 1,
    arbitrary: action("FIN", nothing, (world) => world.library.hasFin = true),
  },
);
const ends = fc.option(
  fc.oneof(
    action("reset by the peer", nothing, (world) => world.fail(ECONNRESET)),
    action("send fails", nothing, (world) => {
      world.mayFail = true;
      world.library.sendFails = ENOBUFS;
    }),
    action("file fails", nothing, (world) => world.failFile()),
    action("transfer read", few, (world, which) => world.transferRead(which)),
    action("detach", nothing, (world) => world.detach()),
    action("transfer", few, (world, which) => world.transfer(which)),
    action("close", fc.boolean(), (world, isReset) => world.close(isReset)),
    action("closed by the library", nothing, (world) => {
      world.mayFail = true;
      world.library.closeItself(ECONNRESET);
    }),
  ),
  { nil: undefined },
);

const RUNS = 400;
const SEED = 20061;

test("A connection's queues keep the promises of a stream", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(actions, { maxLength: 60, size: "max" }),
      ends,
      fc.array(actions, { maxLength: 12, size: "max" }),
      fc.constantFrom(0, 0, 0, 5, 300),
      few,
      async (before, end, after, early, receive) => {
        const world = new World(early, receive);
        for (const step of [...before, ...(end ? [end] : []), ...after]) {
          await step.run(world);
          world.check();
        }
        await world.finish();
      },
    ),
    { numRuns: RUNS, seed: SEED },
  );
});

test("Bytes in memory that was transferred are an error, not an end", async () => {
  for (const isRead of [true, false]) {
    const { receive } = new World(0, 0).socket;
    const chunk = new Uint8Array(COPY_BELOW);
    receive.received(chunk);
    structuredClone(chunk.buffer, { transfer: [chunk.buffer] });
    const lost = {
      code: "EFAULT",
      syscall: "read",
      message: /the bytes were in the buffer of a chunk that was transferred/,
    };
    if (isRead) await assert.rejects(receive.read(new Uint8Array(9)), lost);
    else assert.throws(() => receive.prepareDetach(), lost);
    assert.ok(receive.hasFailed && receive.isEnded && !receive.hasPeerEnded);
    assert.equal(receive.ahead, 0);
  }
});
