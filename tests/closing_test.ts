// Copyright the iocp authors. MIT license.
/* The close of a connection over a plain reference of its owner, with a clock of the
 * test's own: when the library is asked to close the socket and how, what a waiting
 * close gives its peer, and what keeps the process alive. */

import { pass, type Timer, timers } from "./shared/fake_clock.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { DETACH, GRACEFUL, RESET } from "../src/native/completion.ts";
import { runtime } from "../src/runtime/detect.ts";
import { type CloseOwner, Closing } from "../src/socket/closing.ts";

const CLOSE_TIMEOUT = 1002;
/* A quarter of it, rounded up. */
const CHECK = 251;

const unrefs = new Set<Timer>();
Object.assign(runtime, { unrefTimer: (timer: Timer) => unrefs.add(timer) });

/* A connection, whose queues the test fills and empties. */
class Owner {
  readonly id = 7;
  readonly settings = { closeTimeout: CLOSE_TIMEOUT };
  readonly send = { isBusy: false };
  readonly receive = { removeAll: () => Uint8Array.of(1, 2) };
  readonly lastError = undefined;
  readonly closing: Closing = new Closing(this as unknown as CloseOwner);
  isReleased = false;
  isUnread = false;
  holds = 1;
  /* What the library was asked for. */
  readonly closes: [mode: number, timeoutMs: number][] = [];
  /* The peer acknowledges bytes. */
  progresses = false;
  readonly loop = {
    ref: () => this.holds++,
    unref: () => this.holds--,
    port: {
      close: (id: number, mode: number, timeoutMs: number) => {
        assert.equal(id, this.id);
        this.closes.push([mode, timeoutMs]);
        return 0;
      },
      hasProgressed: (id: number) => {
        assert.equal(id, this.id);
        const { progresses } = this;
        this.progresses = false;
        return progresses;
      },
    },
  };
  hasUnread(): boolean {
    return this.isUnread;
  }
  release(): void {
    this.isReleased = true;
    this.closing.stop();
  }
  reset(): void {
    this.closing.reset();
  }
  failure(_result: number, syscall: string): Error {
    return new Error(`${syscall} has failed`);
  }
  closedError(): Error {
    return new Error("it is closed");
  }

  /* Its writes are sent, or have failed. */
  writesDone(): void {
    this.send.isBusy = false;
    this.closing.updateHold();
    this.closing.writesDone();
  }
}

/* What a promise rejects with; undefined when it resolves. */
function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(() => undefined, (error) => error);
}

function busy(): Owner {
  const owner = new Owner();
  owner.send.isBusy = true;
  return owner;
}

test("The library closes at once when no write is pending, and else after the last", () => {
  const idle = new Owner();
  idle.closing.close();
  assert.deepEqual(idle.closes, [[GRACEFUL, CLOSE_TIMEOUT]]);
  assert.ok(idle.isReleased);

  const owner = busy();
  owner.closing.close();
  assert.deepEqual(owner.closes, []);
  assert.equal(timers.size, 1);
  assert.ok(timers.isSubsetOf(unrefs), "the connection holds the process");
  owner.writesDone();
  assert.deepEqual(owner.closes, [[GRACEFUL, CLOSE_TIMEOUT]]);
  assert.equal(timers.size, 0);
  owner.writesDone();
  assert.equal(owner.closes.length, 1);
});

test("A deadline takes the place of closeTimeout", () => {
  const idle = new Owner();
  idle.closing.close(50);
  assert.deepEqual(idle.closes, [[GRACEFUL, 50]]);
  const owner = busy();
  owner.closing.close(0);
  assert.equal(timers.size, 0);
  owner.writesDone();
  assert.deepEqual(owner.closes, [[GRACEFUL, 0]]);
});

test("An abandoned connection does not wait for the peer, and says what was not read", () => {
  for (const isUnread of [false, true]) {
    const owner = busy();
    owner.isUnread = isUnread;
    assert.equal(owner.closing.isAbandoned, false);
    owner.closing.abandon();
    assert.equal(owner.closing.isAbandoned, true);
    assert.equal(timers.size, 1);
    owner.writesDone();
    assert.deepEqual(owner.closes, [[isUnread ? RESET : GRACEFUL, 0]]);
  }
  const idle = new Owner();
  idle.closing.abandon();
  assert.deepEqual(idle.closes, [[GRACEFUL, 0]]);
  const owner = new Owner();
  owner.isUnread = true;
  owner.closing.close();
  assert.deepEqual(owner.closes, [[GRACEFUL, CLOSE_TIMEOUT]]);
  const reset = busy();
  reset.closing.abandon();
  reset.closing.reset();
  assert.deepEqual(reset.closes, [[RESET, CLOSE_TIMEOUT]]);
});

test("A waiting close resets a peer that receives nothing for closeTimeout", () => {
  const owner = busy();
  const monitor = watch(owner);
  /* What was acknowledged before does not count. */
  owner.progresses = true;
  owner.closing.close();
  pass(3 * CHECK);
  /* An acknowledgement gives the peer its full time again. */
  owner.progresses = true;
  pass(CHECK);
  pass(3 * CHECK);
  /* So does a send. */
  owner.closing.sent();
  pass(4 * CHECK - 1);
  assert.deepEqual(owner.closes, []);
  assert.equal(timers.size, 1);
  pass(1);
  assert.deepEqual(owner.closes, [[RESET, CLOSE_TIMEOUT]]);
  assert.equal(monitor.timeout, "closeTimeout");
  assert.ok(monitor.isReset);
  assert.equal(timers.size, 0);
});

test("An acknowledgement counts once, and only while the close waits", () => {
  for (const isEarly of [true, false]) {
    const owner = busy();
    owner.progresses = isEarly;
    owner.closing.close();
    if (!isEarly) {
      pass(3 * CHECK);
      owner.progresses = true;
      pass(CHECK);
    }
    pass(4 * CHECK - 1);
    assert.deepEqual(owner.closes, []);
    pass(1);
    assert.deepEqual(owner.closes, [[RESET, CLOSE_TIMEOUT]]);
  }
});

test("A send starts no time for a connection that does not close", () => {
  const owner = busy();
  owner.closing.sent();
  assert.equal(timers.size, 0);
});

function watch({ closing }: Owner) {
  const monitor = {
    isReset: false,
    timeout: undefined as string | undefined,
    counts: 0,
    released: (isDetached: boolean) => void (monitor.isDetached = isDetached),
    isDetached: undefined as boolean | undefined,
    count: () => void monitor.counts++,
  };
  closing.monitor = monitor as never;
  return monitor;
}

test("The first time that ends a connection is reported", () => {
  const owner = new Owner();
  owner.closing.endedBy("firstByteTimeout");
  const monitor = watch(owner);
  owner.closing.endedBy("deadline");
  owner.closing.endedBy("firstByteTimeout");
  assert.equal(monitor.timeout, "deadline");
  owner.closing.close();
  assert.equal(monitor.isReset, false);
  assert.equal(monitor.isDetached, false);
});

test("Each deadline of a close is settled with what comes of it", async () => {
  for (const error of [undefined, new Error("not everything")]) {
    const owner = new Owner();
    const early = owner.closing.endWithin(100);
    const other = owner.closing.endWithin(undefined);
    assert.equal(timers.size, 2);
    owner.closing.close(100);
    owner.closing.ended(error);
    assert.equal(timers.size, 0);
    /* The first end counts. */
    owner.closing.ended(error === undefined ? new Error("late") : undefined);
    const late = owner.closing.endWithin(100);
    for (const promise of [early, other, late]) {
      assert.equal(await failure(promise), error);
    }
    pass(1000);
    assert.deepEqual(owner.closes, [[GRACEFUL, 100]]);
  }
});

test("A deadline resets what the library or the writes still wait for", async () => {
  for (const isBusy of [false, true]) {
    const owner = isBusy ? busy() : new Owner();
    const monitor = watch(owner);
    const promise = owner.closing.endWithin(100);
    owner.closing.close(100);
    const before = owner.closes.length;
    pass(99);
    assert.equal(owner.closes.length, before);
    pass(1);
    assert.equal(owner.closes.length, before + 1);
    assert.equal(owner.closes.at(-1)![0], RESET);
    assert.equal(monitor.timeout, "deadline");
    const error = await failure(promise) as Error;
    assert.equal(error.message, "close has failed");
  }
});

test("Watchers are told of each end and of the release, which is told once", () => {
  const owner = new Owner();
  const told: string[] = [];
  const watcher = () => void told.push("watcher");
  const other = () => void told.push("other");
  owner.closing.unwatch(other);
  owner.closing.watch(watcher);
  owner.closing.watch(other);
  owner.closing.onReleased(() => told.push("first"));
  owner.closing.onReleased(() => told.push("second"));
  owner.closing.notify();
  owner.closing.unwatch(other);
  owner.closing.notify();
  assert.deepEqual(told.splice(0), ["watcher", "other", "watcher"]);
  owner.closing.close();
  assert.deepEqual(told.splice(0), ["first", "second", "watcher"]);
  owner.closing.stop();
  owner.closing.notify();
  assert.deepEqual(told, []);
});

test("The process waits for an open connection unless unref() was called, and for its writes", () => {
  const owner = new Owner();
  const { closing } = owner;
  let isUnref = false;
  const check = () => {
    const holds = !isUnref || owner.send.isBusy;
    assert.equal(owner.holds, holds ? 1 : 0);
    assert.equal(closing.isHolding, holds);
    assert.equal(closing.isUnref, isUnref);
  };
  check();
  for (const step of "ubbuurbrbubububrubrr") {
    if (step === "b") {
      owner.send.isBusy = !owner.send.isBusy;
      closing.updateHold();
    } else closing.setRef(!(isUnref = step === "u"));
    check();
  }
  /* The socket gives up its hold when it is released. */
  closing.close();
  closing.setRef(false);
  assert.equal(owner.holds, 1);
});

test("A detach waits for the writes, and holds the process", async () => {
  const owner = busy();
  const monitor = watch(owner);
  const { closing } = owner;
  assert.equal(closing.isDetaching, false);
  assert.equal(closing.closed(0, 0, 9), false);
  closing.portClosed();
  owner.send.isBusy = false;
  closing.setRef(false);
  owner.send.isBusy = true;
  const promise = closing.detach();
  assert.equal(closing.isDetaching, true);
  assert.equal(owner.holds, 1);
  assert.equal(monitor.counts, 0);
  assert.equal(timers.size, 1);
  owner.writesDone();
  assert.deepEqual(owner.closes, [[DETACH, CLOSE_TIMEOUT]]);
  assert.equal(monitor.counts, 1);
  assert.equal(owner.isReleased, false);
  assert.equal(closing.closed(0, 0, 9), true);
  assert.ok(owner.isReleased);
  assert.equal(monitor.isDetached, true);
  assert.equal(timers.size, 0);
  const bytes = Uint8Array.of(1, 2);
  assert.deepEqual(await promise, { handle: 9, bytes });
});

test("A detach without writes is submitted at once, and fails with the port", async () => {
  const owner = new Owner();
  const promise = owner.closing.detach();
  assert.deepEqual(owner.closes, [[DETACH, CLOSE_TIMEOUT]]);
  assert.equal(timers.size, 0);
  owner.closing.portClosed();
  assert.match(String(await failure(promise)), /port was closed/);
});

test("A detach fails when the peer receives nothing, or the connection is released", async () => {
  const silent = busy();
  const monitor = watch(silent);
  const detaching = silent.closing.detach();
  pass(4 * CHECK);
  assert.match(String(await failure(detaching)), /for closeTimeout/);
  assert.equal(monitor.timeout, "closeTimeout");
  assert.deepEqual(silent.closes, [[RESET, CLOSE_TIMEOUT]]);
  const gone = busy();
  const promise = gone.closing.detach();
  gone.isReleased = true;
  gone.closing.writesDone();
  assert.match(String(await failure(promise)), /it is closed/);
  assert.deepEqual(gone.closes, []);
});
