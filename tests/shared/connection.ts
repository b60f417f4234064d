// Copyright the iocp authors. MIT license.
/* A connection over FakeLibrary, and what the models of its reads and of its writes
 * have in common. */

import assert from "node:assert/strict";
import { SocketError } from "../../mod.ts";
import {
  type ReceiveOptions,
  receiveSettings,
} from "../../src/options/receive_mode.ts";
import { Socket, type SocketSettings } from "../../src/socket/socket.ts";
import { FakeLibrary } from "./fake_library.ts";

/** How a call has ended. */
export type Outcome = "pending" | "withdrawn" | "failed" | "done";

/** A connection of a port that has nothing else. */
export class Connection {
  readonly library = new FakeLibrary();
  readonly socket: Socket;
  /** The codes of the errors that calls may fail with. */
  readonly failures = new Set<string>();

  constructor(receive: ReceiveOptions) {
    const settings = {
      receive: receiveSettings(receive),
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
  }

  get mayFail(): boolean {
    return this.failures.size > 0;
  }

  /** An error of a call must be one of those that the test has caused. */
  checkFailure(error: unknown, syscalls: string[], ...more: string[]): void {
    assert.ok(error instanceof SocketError, String(error));
    const { code, syscall } = error;
    const isExpected = this.failures.has(code) || more.includes(code);
    assert.ok(isExpected, `a call fails: ${error.message}`);
    assert.ok(syscalls.includes(syscall!), `${syscall} has failed`);
  }

  get isOpen(): boolean {
    return !this.socket.isClosed;
  }

  /** What is settled in the next turn has its result already. */
  get hasDeferred(): boolean {
    return this.library.allowance.isPending;
  }
}

/** The calls that are done and whose callers have seen it, which must be in the order
 * of the calls. */
export function settledInOrder<T extends { outcome: Outcome }>(
  calls: T[],
  settled: T[],
): T[] {
  const done = settled.filter(({ outcome }) => outcome === "done");
  const places = done.map((call) => calls.indexOf(call));
  const sorted = [...places].sort((a, b) => a - b);
  assert.deepEqual(places, sorted, "calls are settled in order");
  return done;
}

/** The pending call that a random number chooses. */
export function pendingOf<T extends { outcome: Outcome; call: unknown }>(
  calls: T[],
  which: number,
): T | undefined {
  const pending = calls.filter(({ outcome, call }) =>
    outcome === "pending" && call !== undefined
  );
  return pending[which % pending.length];
}

/** Lets a turn of the runtime's loop pass. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
