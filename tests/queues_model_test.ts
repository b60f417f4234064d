// Copyright the iocp authors. MIT license.
/* Random calls and completions of one connection, over a plain reference of the
 * library (shared/fake_library.ts), against what a stream promises: see
 * shared/read_model.ts and shared/write_model.ts. The library is called as its
 * contract allows, and a connection that is closed holds nothing.
 *
 * A failure prints the smallest sequence of actions that shows it, and its seed. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { COPY_BELOW } from "../src/socket/chunk_queue.ts";
import { type Action, action as actionOf, nothing } from "./shared/actions.ts";
import { Connection, turn } from "./shared/connection.ts";
import { COPY_MAX, ECONNRESET, ENOBUFS } from "./shared/fake_library.ts";
import { Reads } from "./shared/read_model.ts";
import { Writes } from "./shared/write_model.ts";

const RECEIVES = [
  {},
  { bufferSize: 64 },
  { mode: "zero-byte" },
  { mode: "zero-byte", bufferSize: 64 },
  { mode: "flow", bufferSize: 100 },
  { mode: "burst", bufferSize: 50, depth: 3, limit: 120 },
] as const;

/* One connection with everything that was called. */
class World extends Connection {
  readonly reads: Reads;
  readonly writes = new Writes(this);

  constructor(early: number, receive: number) {
    super(RECEIVES[receive]!);
    this.reads = new Reads(this, early);
  }

  close(isReset: boolean): void {
    this.failures.add("EINTR");
    if (isReset) this.socket.reset();
    else this.socket.close();
  }

  /* A limit of this side has passed. */
  end(): void {
    this.failures.add("ETIMEDOUT");
    this.socket.end({ code: "ETIMEDOUT", detail: "it was idle" });
  }

  resetByPeer(): void {
    if (this.library.isOver) return;
    this.failures.add("ECONNRESET").add("EPIPE");
    this.library.resetBy = ECONNRESET;
  }

  /* A write fails, and then the others. */
  failSends(): void {
    this.failures.add("ENOBUFS");
    this.library.sendFails = ENOBUFS;
  }

  closeByLibrary(): void {
    this.failures.add("ECONNRESET");
    this.library.closeItself(ECONNRESET);
  }

  /* Some chunks, which wait if there is no read. */
  deliver(count: number): void {
    this.reads.receiveAhead();
    for (let i = 0; i <= count; i++) {
      this.library.arrive(20);
      this.library.turn((kind) => kind === "receive", 7 + 5 * i);
    }
  }

  check(): void {
    this.reads.check();
    this.writes.check();
    if (this.mayFail) return;
    const { library, socket } = this;
    const isHeld = !socket.isUnref || socket.send.isBusy;
    assert.equal(library.holds, isHeld ? 1 : 0, "writes keep the process");
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
    this.reads.finish();
    this.writes.finish();
    if (!this.mayFail) await this.reads.readRest();
    this.socket.reset();
    library.turn(() => true, 1e6);
    assert.equal(library.holds, 0, "a closed connection holds nothing");
  }
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
    arbitrary: action("read", sizes, (world, size) => world.reads.read(size)),
  },
  {
    weight: 5,
    arbitrary: action("loop", nothing, (world) => world.reads.read(undefined)),
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
      (world, size) => world.writes.write(size),
    ),
  },
  {
    weight: 3,
    arbitrary: action(
      "await write",
      sizes,
      (world, size) => world.writes.writePromise(size),
    ),
  },
  {
    weight: 2,
    arbitrary: action(
      "file",
      sizes,
      (world, size) => world.writes.writeFile(size),
    ),
  },
  {
    weight: 2,
    arbitrary: action(
      "try",
      sizes,
      (world, size) => world.writes.tryWrite(size),
    ),
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
      (world, which) => world.reads.cancel(which),
    ),
  },
  {
    weight: 2,
    arbitrary: action(
      "withdraw write",
      few,
      (world, which) => world.writes.cancel(which),
    ),
  },
  {
    weight: 2,
    arbitrary: action(
      "receive",
      few,
      (world, which) => world.reads.change(RECEIVES[which]!),
    ),
  },
  {
    weight: 1,
    arbitrary: action(
      "concurrency",
      few,
      (world, n) => world.writes.changeConcurrency(n + 1),
    ),
  },
  {
    weight: 2,
    arbitrary: action(
      "busy",
      nothing,
      (world) => world.library.allowance.spend(2 ** 21),
    ),
  },
  {
    weight: 1,
    arbitrary: action(
      "closeWrite",
      nothing,
      (world) => world.writes.closeWrite(),
    ),
  },
  {
    weight: 1,
    arbitrary: action("read", fc.constant(0), (world) => world.reads.read(0)),
  },
  {
    weight: 4,
    arbitrary: action("next", nothing, (world) => world.reads.next(undefined)),
  },
  {
    weight: 2,
    arbitrary: action(
      "next into",
      sizes,
      (world, size) => world.reads.next(size),
    ),
  },
  {
    weight: 3,
    arbitrary: action(
      "borrow",
      sizes,
      (world, size) => world.reads.borrow(size),
    ),
  },
  {
    weight: 1,
    arbitrary: action(
      "withdraw end",
      nothing,
      (world) => world.writes.cancelEnd(),
    ),
  },
  {
    weight: 3,
    arbitrary: action("deliver", few, (world, count) => world.deliver(count)),
  },
  {
    weight: 3,
    arbitrary: action(
      "next leased",
      nothing,
      (world) => world.reads.next(undefined, true),
    ),
  },
  {
    weight: 1,
    arbitrary: action("ahead", nothing, (world) => world.reads.receiveAhead()),
  },
  {
    weight: 1,
    arbitrary: action("reclaim", nothing, (world) => world.reads.reclaim()),
  },
  {
    weight: 3,
    arbitrary: action(
      "resume",
      sizes,
      (world, size) => world.writes.resume(size),
    ),
  },
  {
    weight: 2,
    arbitrary: action(
      "ref",
      fc.boolean(),
      (world, isRef) => world.socket.setRef(isRef),
    ),
  },
  {
    weight: 1,
    arbitrary: action("FIN", nothing, (world) => world.library.hasFin = true),
  },
);
const ends = fc.option(
  fc.oneof(
    action("reset by the peer", nothing, (world) => world.resetByPeer()),
    action("send fails", nothing, (world) => world.failSends()),
    action("file fails", nothing, (world) => world.writes.failFile()),
    action(
      "transfer read",
      few,
      (world, which) => world.reads.transfer(which),
    ),
    action("detach", nothing, (world) => world.reads.detach()),
    action("transfer", few, (world, which) => world.writes.transfer(which)),
    action("close", fc.boolean(), (world, isReset) => world.close(isReset)),
    action("end", nothing, (world) => world.end()),
    action(
      "closed by the library",
      nothing,
      (world) => world.closeByLibrary(),
    ),
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

test("A read comes after every chunk that a reader takes for a call before it", async () => {
  const world = new World(300, 0);
  world.deliver(1);
  world.library.allowance.spend(2 ** 21);
  world.reads.borrow(301);
  world.reads.next(undefined);
  world.check();
  await world.finish();
});

test("What a reader leaves of a chunk of the next turn counts as received ahead", async () => {
  const world = new World(300, 0);
  world.library.allowance.spend(2 ** 20);
  world.reads.borrow(1);
  world.reads.read(1);
  world.check();
  await world.finish();
});
