// Copyright the iocp authors. MIT license.
/* Random calls of a listener and connections that come, over a plain reference of the
 * library: each connection that was accepted is returned once and in order, or reset
 * when it is blocked or the listener closes; what is accepted ahead is bounded; places
 * are kept; and a call that waits gets a connection when there is one for it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Group } from "../src/loop/group.ts";
import type { Loop } from "../src/loop/loop.ts";
import { numberOf } from "../src/errors.ts";
import { RESET } from "../src/native/completion.ts";
import { PASS } from "../src/native/system_calls.ts";
import { listenSettings } from "../src/options/listen.ts";
import { Acceptor } from "../src/socket/acceptor.ts";
import type { QueueReader } from "../src/socket/async_queue.ts";
import type { Securing, SecuringOwner } from "../src/socket/securing.ts";
import type { Socket } from "../src/socket/socket.ts";
import { SocketError } from "../mod.ts";
import { type Action, action, nothing } from "./shared/actions.ts";
import { ECONNRESET } from "./shared/fake_library.ts";
import { FakeListening, LISTENER } from "./shared/fake_listening.ts";

/* With so many in the queue accepting pauses. */
const QUEUED_MAX = 64;
const POOL_MAX = 6;

/* Handshakes, which end in the order and with the result that the test says. */
class Handshakes implements Securing {
  failures = 0;
  readonly sockets: Socket[] = [];
  readonly #owner: SecuringOwner;

  constructor(owner: SecuringOwner) {
    this.#owner = owner;
  }

  get pending(): number {
    return this.sockets.length;
  }

  start(socket: Socket): void {
    this.sockets.push(socket);
  }

  /* The first one is done, so connections stay in their order. */
  end(): void {
    const socket = this.sockets.shift();
    if (socket !== undefined) this.#owner.secured(socket);
  }

  clear(): void {
    for (const socket of this.sockets.splice(0)) socket.reset();
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
  /* Only a listener with TLS has them. */
  #handshakes: Handshakes | undefined;
  /* The connections that onAccepted() has told. */
  readonly #told: number[] = [];
  /* After so many connections accepting has failed. */
  #failedAfter: number | undefined;
  #stopped: Promise<void> | undefined;
  #isRef = true;
  #isOver = false;
  #hasClosed = false;
  #places: number;
  #placesMax: number;
  #pool = POOL_MAX;

  constructor(maxConnections: number, hasFilter: boolean, hasTls: boolean) {
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
    const secure = (owner: SecuringOwner) =>
      this.#handshakes = new Handshakes(owner);
    this.acceptor = new Acceptor(
      group,
      { ...settings, id: LISTENER } as never,
      hasTls ? secure : undefined,
    );
    assert.equal(this.acceptor.isSecure, hasTls);
    this.acceptor.onAccepted(({ id }) => this.#told.push(id));
  }

  get returned(): Socket[] {
    return this.calls.flatMap(({ socket }) => socket ?? []);
  }

  get #open(): Socket[] {
    return this.returned.filter((socket) => !socket.isReleased);
  }

  accept(): void {
    /* What was accepted before the library has closed it can still be taken. */
    if (this.acceptor.isClosed && !this.library.isGone) return;
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
    if (this.library.isShared && maxConnections !== 0) {
      const change = () => this.acceptor.changeOptions({ maxConnections });
      assert.throws(change, { name: "NotSupported" });
      return;
    }
    this.acceptor.changeOptions({ maxConnections });
    this.#places = maxConnections || Infinity;
    this.#placesMax = Math.max(this.#placesMax, this.#places);
  }

  pool(acceptPool: number): void {
    if (this.acceptor.isClosed || this.#isOver) return;
    const isAccepting = this.library.pool > 0;
    this.acceptor.changeOptions({ acceptPool });
    this.#pool = acceptPool;
    assert.equal(this.library.pool, isAccepting ? acceptPool : 0);
  }

  /* Handshakes are done. */
  secure(most: number): void {
    for (let i = 0; i < most; i++) this.#handshakes?.end();
  }

  failAccept(): void {
    if (this.acceptor.isClosed || this.#isOver) return;
    this.library.fail(ECONNRESET);
    this.#failedAfter = this.library.nextId;
  }

  /* The library refuses an option, which then keeps its value. */
  refuseOption(isKnown: boolean): void {
    const { acceptor, library } = this;
    if (acceptor.isClosed || this.#isOver || library.isShared) return;
    const error = numberOf(isKnown ? "EINVAL" : "ENOTSUP");
    library.optionResult = error;
    const before = acceptor.settings.firstByteTimeout;
    const change = () => acceptor.changeOptions({ firstByteTimeout: 5 });
    const code = isKnown ? "EINVAL" : "ENOTSUP";
    const known = {
      code,
      syscall: "setsockopt",
      address: "10.0.0.200",
      port: 1,
    };
    assert.throws(change, (thrown: Error) => {
      const cause = isKnown ? thrown : thrown.cause as SocketError;
      if (!isKnown) assert.equal(thrown.name, "NotSupported");
      for (const [key, value] of Object.entries(known)) {
        assert.equal(cause[key as keyof Error], value);
      }
      return true;
    });
    library.optionResult = 0;
    assert.equal(acceptor.settings.firstByteTimeout, before);
  }

  setRef(isRef: boolean): void {
    if (this.acceptor.isClosed) return;
    this.acceptor.setRef(isRef);
    this.#isRef = isRef;
  }

  share(): void {
    if (this.acceptor.isClosed || this.#isOver) return;
    if (this.#places !== Infinity || this.#hasFilter || this.#handshakes) {
      assert.throws(() => this.acceptor.share(), { name: "NotSupported" });
      return;
    }
    const share = this.acceptor.share();
    assert.equal(share.id, 7);
    assert.equal(this.acceptor.share(), share, "it is shared once");
    assert.equal(this.library.pool, this.#pool, "it accepts for the others");
  }

  /* The library closes it. What was accepted is still returned. */
  endByLibrary(): void {
    this.#isOver = true;
    this.library.end();
  }

  /* No more are accepted. */
  stop(): void {
    if (this.acceptor.isClosed || this.#isOver) return;
    this.#isOver = true;
    this.#stopped = this.acceptor.stop();
  }

  async refuseStop(code: string): Promise<void> {
    const { acceptor, library } = this;
    if (acceptor.isClosed || this.#isOver) return;
    library.stopResult = numberOf(code);
    await assert.rejects(acceptor.stop(), (error: Error) => {
      if (code === "ENOTSUP") {
        assert.equal(error.name, "NotSupported");
        assert.match(error.message, /Cannot stop a listener: .*named pipe/);
      }
      const cause = (code === "ENOTSUP" ? error.cause : error) as SocketError;
      assert.deepEqual([cause.code, cause.syscall], [code, "listen"]);
      return true;
    });
    library.stopResult = 0;
  }

  endPort(): void {
    this.library.endPort();
    this.#isOver = true;
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
    /* Handshakes end at once or never, so nothing bounds them but their deadline. */
    if (!this.acceptor.isSecure) {
      assert.ok(ahead <= QUEUED_MAX + 2 * POOL_MAX, `${ahead} are ahead`);
    }
    assert.ok(this.#open.length <= this.#placesMax, "too many are open");
    const accepted = library.nextId - LISTENER - library.late;
    assert.deepEqual(
      this.#told,
      Array.from({ length: accepted }, (_, i) => LISTENER + 1 + i),
    );
    if (this.acceptor.isClosed || this.#isOver) return;
    this.#checkState();
    const unreturned = library.nextId - LISTENER - ids.length -
      this.acceptor.blocked;
    assert.equal(
      this.acceptor.stats().acceptsReady,
      library.ready + unreturned,
    );
    if (this.calls.every(({ isSettled }) => isSettled)) return;
    /* A call waits, so there is nothing that it could get. */
    const hasPlace = this.#open.length < this.#places;
    const left = this.#expected.length - ids.length;
    const isSecuring = (this.#handshakes?.pending ?? 0) > 0;
    if (hasPlace && !isSecuring) {
      assert.equal(left, 0, "a connection that is there is returned");
    }
    if (left === 0) assert.equal(library.pool, this.#pool, "it accepts");
  }

  #checkState(): void {
    const { acceptor, library } = this;
    const lastError = acceptor.lastError as SocketError | undefined;
    if (this.#failedAfter !== library.nextId) {
      assert.equal(lastError, undefined);
    } else {
      const { code, syscall, address, port } = lastError!;
      const expected = ["ECONNRESET", "accept", "10.0.0.200", 1];
      assert.deepEqual([code, syscall, address, port], expected);
    }
    const connections = [...library.endpoints.keys()].filter((id) =>
      id !== LISTENER && !library.closed.has(id)
    );
    assert.equal(acceptor.connections().length, connections.length);
    /* One for the listener, one for each connection that was returned. */
    assert.equal(library.holds, this.#open.length + (this.#isRef ? 1 : 0));
    if (library.isShared) assert.equal(library.pool, this.#pool);
  }

  close(): void {
    this.#hasClosed = true;
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

  /* The library has closed the listener before the program does. */
  async #takeRest(): Promise<void> {
    const expected = this.#expected;
    for (let turns = 0; !this.#hasClosed; turns++) {
      assert.ok(turns < 5000, "every connection is returned");
      const left = expected.length - this.returned.length;
      if (left === 0 && this.acceptor.isClosed) break;
      this.secure(1e3);
      if (left > 0) this.accept();
      this.end(0, true);
      this.library.turn(1e6);
      await new Promise((resolve) => setTimeout(resolve, left > 0 ? 0 : 5));
    }
  }

  /* It is over when everything that was accepted was taken. */
  async #awaitStop(stopped: Promise<void>): Promise<void> {
    const { library } = this;
    let isOver = false;
    stopped.then(() => isOver = true);
    const expected = this.#expected;
    for (let turns = 0; !isOver && !this.#hasClosed; turns++) {
      assert.ok(turns < 5000, "a stop ends");
      const left = expected.length - this.returned.length;
      this.secure(1e3);
      if (left > 0) this.accept();
      else if (library.ready > 0) library.ready--;
      else library.left = 0;
      this.end(0, true);
      library.turn(1e6);
      await new Promise((resolve) => setTimeout(resolve, left > 0 ? 0 : 6));
    }
    await stopped;
    assert.ok(this.acceptor.isClosed);
    if (this.#hasClosed) return;
    assert.equal(this.returned.length, expected.length);
    assert.deepEqual([library.ready, library.left], [0, 0]);
  }

  async finish(): Promise<void> {
    const { library } = this;
    const isOpen = !this.acceptor.isClosed && !this.#isOver;
    for (let turns = 0; isOpen; turns++) {
      assert.ok(turns < 5000, "every connection is returned");
      library.turn(1e6);
      await settled();
      this.secure(1e3);
      this.check();
      const left = this.#expected.length - this.returned.length;
      if (library.backlog === 0 && left === 0) break;
      this.accept();
      this.end(0, false);
    }
    if (library.isGone) await this.#takeRest();
    if (this.#stopped) await this.#awaitStop(this.#stopped);
    this.close();
    library.turn(1e6);
    await settled();
    library.turn(1e6);
    for (const { isSettled } of this.calls) assert.ok(isSettled);
    const ids = new Set(this.returned.map(({ id }) => id));
    for (let id = LISTENER; id <= library.nextId; id++) {
      if (id === LISTENER && library.isGone) continue;
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
  action("handshakes", few, (world: World, most) => world.secure(most)),
  action("accept fails", nothing, (world: World) => world.failAccept()),
  action(
    "refused option",
    fc.boolean(),
    (world: World, isKnown) => world.refuseOption(isKnown),
  ),
  action("late", nothing, (world: World) => world.library.acceptLate()),
  action(
    "refused stop",
    fc.constantFrom("ENOTSUP", "ENOBUFS"),
    (world: World, code) => world.refuseStop(code),
  ),
  action("ref", fc.boolean(), (world: World, isRef) => world.setRef(isRef)),
  action("places", few, (world: World, places) => world.change(places)),
  action(
    "pool",
    fc.integer({ min: 1, max: POOL_MAX }),
    (world: World, pool) => world.pool(pool),
  ),
);

const ends: fc.Arbitrary<Action<World>> = fc.oneof(
  action("close", nothing, (world: World) => world.close()),
  action("close of the port", nothing, (world: World) => world.endPort()),
  action("end", nothing, (world: World) => world.endByLibrary()),
  action("stop", nothing, (world: World) => world.stop()),
  action("share", nothing, (world: World) => world.share()),
);

const RUNS = 300;
const SEED = 20061;

test("A listener returns each connection once and in order", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(steps, { maxLength: 40, size: "max" }),
      fc.option(ends, { nil: undefined }),
      fc.array(steps, { maxLength: 5, size: "max" }),
      fc.constantFrom(0, 0, 1, 3),
      fc.boolean(),
      fc.constantFrom(false, false, true),
      async (before, end, after, places, hasFilter, hasTls) => {
        const world = new World(places, hasFilter, hasTls);
        for (const step of before) {
          await step.run(world);
          world.check();
        }
        await end?.run(world);
        for (const step of after) await step.run(world);
        await world.finish();
      },
    ),
    { numRuns: RUNS, seed: SEED },
  );
});
