// Copyright the iocp authors. MIT license.
/* Random calls of a listener and connections that come, over a plain reference of the
 * library: each connection that was accepted is returned once and in order, or reset
 * when it is blocked or the listener closes; what is accepted ahead is bounded; places
 * are kept; and a call that waits gets a connection when there is one for it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Endpoint } from "../src/loop/endpoint.ts";
import { Deadlines } from "../src/loop/deadlines.ts";
import type { Group } from "../src/loop/group.ts";
import type { Loop } from "../src/loop/loop.ts";
import { PEER, RESET } from "../src/native/completion.ts";
import { NO_SOCKET_STATS } from "../src/native/port.ts";
import { PASS } from "../src/native/system_calls.ts";
import { listenSettings } from "../src/options/listen.ts";
import { Acceptor } from "../src/socket/acceptor.ts";
import { Allowance } from "../src/socket/allowance.ts";
import type { QueueReader } from "../src/socket/async_queue.ts";
import type { Socket } from "../src/socket/socket.ts";
import { type Action, action, nothing } from "./shared/actions.ts";

const LISTENER = 1;
/* With so many in the queue accepting pauses. */
const QUEUED_MAX = 64;
const POOL_MAX = 6;
/* As if so many were in the library's own queue. */
const READY = 3;

/* A thread's loop with one listening socket. */
class FakeListening {
  readonly allowance = new Allowance();
  readonly deadlines = new Deadlines(() => {});
  readonly endpoints = new Map<number, Endpoint>();
  holds = 0;
  pool = 0;
  backlog = 0;
  nextId = LISTENER;
  readonly closed = new Map<number, number>();

  readonly port = {
    accept: (id: number, count: number) => {
      assert.equal(id, LISTENER);
      assert.ok(!this.closed.has(LISTENER), "accept after a close");
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
    setOption: () => 0,
    getOption: () => 0,
    socketStats: () => ({ ...NO_SOCKET_STATS, acceptsReady: READY }),
    close: (id: number, mode: number) => {
      assert.ok(!this.closed.has(id), "a second close");
      this.closed.set(id, mode);
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
    const isOpen = !this.closed.has(LISTENER);
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
}

interface Call {
  readonly reader: QueueReader<Socket>;
  socket: Socket | undefined;
  isSettled: boolean;
}

function isBlockedId(id: number): boolean {
  return id % 7 === 3;
}

class World {
  readonly library = new FakeListening();
  readonly acceptor: Acceptor;
  readonly calls: Call[] = [];
  readonly #hasFilter: boolean;
  #places: number;
  #placesMax: number;
  #pool = POOL_MAX;

  constructor(maxConnections: number, hasFilter: boolean) {
    this.#hasFilter = hasFilter;
    this.#places = this.#placesMax = maxConnections || Infinity;
    const blockList = hasFilter
      ? {
        check: (address: string) => isBlockedId(Number(address.split(".")[3])),
      }
      : undefined;
    const settings = listenSettings({
      maxConnections,
      blockList,
      acceptPool: POOL_MAX,
    });
    const group = {
      loop: this.library as unknown as Loop,
      join() {},
    } as unknown as Group;
    this.acceptor = new Acceptor(group, { ...settings, id: LISTENER } as never);
  }

  get returned(): Socket[] {
    return this.calls.flatMap(({ socket }) => socket ?? []);
  }

  get #open(): Socket[] {
    return this.returned.filter((socket) => !socket.isReleased);
  }

  accept(): void {
    if (this.acceptor.isClosed) return;
    const call: Call = {
      socket: undefined,
      isSettled: false,
      reader: (socket) => {
        assert.ok(!call.isSettled, "a call is settled once");
        call.isSettled = true;
        call.socket = socket;
        assert.ok(socket !== undefined || this.acceptor.isClosed);
      },
    };
    this.calls.push(call);
    this.acceptor.accept(call.reader);
  }

  cancel(which: number): void {
    const pending = this.calls.filter(({ isSettled }) => !isSettled);
    if (pending.length === 0) return;
    const call = pending[which % pending.length]!;
    this.acceptor.cancel(call.reader);
    call.isSettled = true;
  }

  end(which: number, isReset: boolean): void {
    const open = this.#open;
    if (open.length === 0) return;
    const socket = open[which % open.length]!;
    if (isReset) socket.reset();
    else socket.close();
  }

  change(maxConnections: number): void {
    if (this.acceptor.isClosed) return;
    this.acceptor.changeOptions({ maxConnections });
    this.#places = maxConnections || Infinity;
    this.#placesMax = Math.max(this.#placesMax, this.#places);
  }

  pool(acceptPool: number): void {
    if (this.acceptor.isClosed) return;
    const isAccepting = this.library.pool > 0;
    this.acceptor.changeOptions({ acceptPool });
    this.#pool = acceptPool;
    assert.equal(this.library.pool, isAccepting ? acceptPool : 0);
  }

  /* The ids that accept() is to return. */
  get #expected(): number[] {
    const ids = [];
    for (let id = LISTENER + 1; id <= this.library.nextId; id++) {
      if (!this.#hasFilter || !isBlockedId(id % 100)) ids.push(id);
    }
    return ids;
  }

  check(): void {
    const { library } = this;
    const ids = this.returned.map(({ id }) => id);
    /* In the order of the calls, too. */
    assert.deepEqual(ids, this.#expected.slice(0, ids.length));
    const ahead = library.nextId - LISTENER - ids.length -
      [...library.closed.keys()].filter((id) =>
        id !== LISTENER && !ids.includes(id)
      ).length;
    assert.ok(ahead <= QUEUED_MAX + 2 * POOL_MAX, `${ahead} are ahead`);
    assert.ok(this.#open.length <= this.#placesMax, "too many are open");
    if (this.acceptor.isClosed) return;
    const unreturned = library.nextId - LISTENER - ids.length -
      this.acceptor.blocked;
    assert.equal(this.acceptor.stats().acceptsReady, READY + unreturned);
    if (this.calls.every(({ isSettled }) => isSettled)) return;
    /* A call waits, so there is nothing that it could get. */
    const hasPlace = this.#open.length < this.#places;
    const left = this.#expected.length - ids.length;
    if (hasPlace) {
      assert.equal(left, 0, "a connection that is there is returned");
    }
    if (left === 0) assert.equal(library.pool, this.#pool, "it accepts");
  }

  close(): void {
    this.acceptor.close();
    this.acceptor.close();
    assert.ok(this.acceptor.isClosed);
    const refused: [string, () => unknown][] = [
      ["getsockopt", () => this.acceptor.options()],
      ["setsockopt", () => this.acceptor.changeOptions({ acceptPool: 1 })],
      ["ioctl", () => this.acceptor.stats()],
      ["accept", () => this.acceptor.share()],
      [PASS.syscall, () => this.acceptor.pass(new Uint8Array())],
    ];
    for (const [syscall, call] of refused) {
      assert.throws(call, { code: "EBADF", syscall });
    }
  }

  async finish(): Promise<void> {
    const { library } = this;
    const isOpen = !this.acceptor.isClosed;
    for (let turns = 0; isOpen; turns++) {
      assert.ok(turns < 5000, "every connection is returned");
      library.turn(1e6);
      await settled();
      this.check();
      const left = this.#expected.length - this.returned.length;
      if (library.backlog === 0 && left === 0) break;
      this.accept();
      this.end(0, false);
    }
    this.close();
    library.turn(1e6);
    await settled();
    library.turn(1e6);
    for (const { isSettled } of this.calls) assert.ok(isSettled);
    const ids = new Set(this.returned.map(({ id }) => id));
    for (let id = LISTENER; id <= library.nextId; id++) {
      if (!ids.has(id)) assert.equal(library.closed.get(id), RESET, `${id}`);
    }
    for (const socket of this.#open) socket.reset();
    library.turn(1e6);
    assert.equal(library.holds, 0, "a closed listener holds nothing");
  }
}

/* The filter runs in a microtask. */
async function settled(): Promise<void> {
  for (let i = 0; i < 4; i++) await undefined;
}

const few = fc.nat({ max: 8 });
const steps: fc.Arbitrary<Action<World>> = fc.oneof(
  action(
    "clients",
    fc.integer({ min: 1, max: 60 }),
    (world: World, count) => {
      world.library.backlog += count;
    },
  ),
  action("turn", fc.integer({ min: 1, max: 9 }), (world: World, most) => {
    world.library.turn(most);
    return settled();
  }),
  action("turns", nothing, async (world: World) => {
    for (let i = 0; i < 20; i++) {
      world.library.turn(9);
      await settled();
    }
  }),
  action("accept", nothing, (world: World) => world.accept()),
  action("accept many", nothing, (world: World) => {
    for (let i = 0; i < 40; i++) world.accept();
  }),
  action("withdraw", few, (world: World, which) => world.cancel(which)),
  action("end", few, (world: World, which) => world.end(which, which > 4)),
  action("rest", nothing, () => settled()),
  action("places", few, (world: World, places) => world.change(places)),
  action(
    "pool",
    fc.integer({ min: 1, max: POOL_MAX }),
    (world: World, pool) => world.pool(pool),
  ),
);

const RUNS = 300;
const SEED = 20061;

test("A listener returns each connection once and in order", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(steps, { maxLength: 40, size: "max" }),
      fc.boolean(),
      fc.array(steps, { maxLength: 5, size: "max" }),
      fc.constantFrom(0, 0, 1, 3),
      fc.boolean(),
      async (before, closes, after, places, hasFilter) => {
        const world = new World(places, hasFilter);
        for (const step of before) {
          await step.run(world);
          world.check();
        }
        if (closes) world.close();
        for (const step of after) await step.run(world);
        await world.finish();
      },
    ),
    { numRuns: RUNS, seed: SEED },
  );
});
