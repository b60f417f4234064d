// Copyright the iocp authors. MIT license.
/* A thread's loop with one listening socket of the library, without a system: a plain
 * reference for tests of what stands on it. A call that the contract does not allow
 * fails the test. */

import assert from "node:assert/strict";
import { errorOf } from "../../src/errors.ts";
import { Deadlines } from "../../src/loop/deadlines.ts";
import type { Endpoint } from "../../src/loop/endpoint.ts";
import { PEER, RESET } from "../../src/native/completion.ts";
import { NO_SOCKET_STATS } from "../../src/native/port.ts";
import { Allowance } from "../../src/socket/allowance.ts";

/** The id of the listening socket; those of connections follow. */
export const LISTENER = 1;

/** The loop, whose clients and system the test moves. */
export class FakeListening {
  readonly allowance = new Allowance();
  readonly deadlines = new Deadlines(() => {});
  readonly endpoints = new Map<number, Endpoint>();
  holds = 0;
  pool = 0;
  backlog = 0;
  nextId = LISTENER;
  /** Connections in the library's own queue. */
  ready = 3;
  /** What stop() returns. */
  stopResult = 0;
  isStopped = false;
  /** Accepts that are not canceled yet after a stop. */
  left = 3;
  /** Connections whose records came with the close. */
  late = 0;
  /** What setting an option returns. */
  optionResult = 0;
  isShared = false;
  /** The library has closed the listening socket. */
  isGone = false;
  readonly closed = new Map<number, number>();

  readonly port = {
    accept: (id: number, count: number) => {
      assert.equal(id, LISTENER);
      assert.ok(!this.closed.has(LISTENER), "accept after a close");
      assert.ok(!this.isStopped && !this.isGone, "accept after a stop");
      this.pool = count;
    },
    address: (id: number, end: number) => ({
      transport: "tcp",
      hostname: `10.0.0.${end === PEER ? id % 100 : 200}`,
      port: 1,
    }),
    addressBytes: () => {
      throw new Error("not asked here");
    },
    setOption: () => this.optionResult,
    getOption: () => 0,
    socketStats: () => ({
      ...NO_SOCKET_STATS,
      acceptsReady: this.ready,
      acceptsPosted: this.isStopped ? this.left : this.pool,
    }),
    stop: () => {
      assert.ok(!this.closed.has(LISTENER) && !this.isGone);
      if (this.stopResult === 0) this.isStopped = true;
      return this.stopResult;
    },
    error: errorOf,
    close: (id: number, mode: number) => {
      assert.ok(id !== LISTENER || !this.isGone, "close after CLOSED");
      assert.ok(!this.closed.has(id), "a second close");
      this.closed.set(id, mode);
    },
  };

  readonly sharing = {
    share: (id: number, share: number) => {
      assert.deepEqual([id, share], [LISTENER, -1]);
      assert.ok(!this.isShared, "it is shared once");
      this.isShared = true;
      return 7;
    },
  };

  add(endpoint: Endpoint): void {
    this.endpoints.set(endpoint.id, endpoint);
  }
  filter(accepts: (endpoint: Endpoint) => boolean): Endpoint[] {
    return [...this.endpoints.values()].filter(accepts);
  }
  ref(): void {
    this.holds++;
  }
  unref(): void {
    this.holds--;
  }

  /* A poll, which delivers what is decided when it begins. */
  turn(most: number): void {
    const closing = [...this.closed.keys()].filter((id) =>
      this.endpoints.has(id)
    );
    const isOpen = !this.closed.has(LISTENER) && !this.isStopped &&
      !this.isGone;
    const count = isOpen ? Math.min(this.pool, this.backlog, most) : 0;
    this.backlog -= count;
    this.allowance.begin();
    for (let i = 0; i < count; i++) {
      this.endpoints.get(LISTENER)!.accepted!(++this.nextId, 0);
    }
    for (const id of closing) {
      const endpoint = this.endpoints.get(id)!;
      this.endpoints.delete(id);
      endpoint.closed(0, 0, 0);
    }
    this.allowance.polled(count + closing.length);
    this.allowance.end();
  }

  /** A connection whose record is in the poll in which the program has closed. */
  acceptLate(): void {
    if (!this.closed.has(LISTENER)) return;
    const endpoint = this.endpoints.get(LISTENER);
    if (endpoint === undefined) return;
    this.late++;
    endpoint.accepted!(++this.nextId, 0);
  }

  /** An accept fails. */
  fail(error: number): void {
    if (this.closed.has(LISTENER)) return;
    this.endpoints.get(LISTENER)?.accepted!(-error, error);
  }

  /** The library closes the listening socket by itself. */
  end(): void {
    if (this.closed.has(LISTENER) || this.isGone) return;
    this.isGone = true;
    const endpoint = this.endpoints.get(LISTENER)!;
    this.endpoints.delete(LISTENER);
    endpoint.closed(0, 0, 0);
  }

  /** The port is closed. */
  endPort(): void {
    this.endpoints.get(LISTENER)?.portClosed();
    this.closed.set(LISTENER, RESET);
    this.endpoints.delete(LISTENER);
  }
}
