// Copyright the iocp authors. MIT license.
/* Random connections at a listener's limits, with a clock of the test's own, against a
 * plain reference: each connection that is not blocked is admitted in order, as soon
 * as a place is free and the rate allows it, and not before; what waits pauses the
 * listener; and the loop is woken when the rate admits the next one. */

import { clock, pass } from "./shared/fake_clock.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Deadlines } from "../src/loop/deadlines.ts";
import { PEER } from "../src/native/completion.ts";
import {
  Admission,
  type AdmissionLimits,
  isLimited,
} from "../src/socket/admission.ts";
import type { Socket } from "../src/socket/socket.ts";
import { type Action, action, nothing } from "./shared/actions.ts";

/* Addresses as the system says them, and as a filter gets them. */
const ADDRESSES = [
  ["10.0.0.1", "10.0.0.1", "ipv4"],
  ["::ffff:10.120.130.140", "10.120.130.140", "ipv4"],
  ["2001:db8::1", "2001:db8::1", "ipv6"],
  ["fe80::1%eth0", "fe80::1", "ipv6"],
  ["64::ffff:10.120.130.140", "64::ffff:10.120.130.140", "ipv6"],
  ["::ffff:10.120.130.140:1", "::ffff:10.120.130.140:1", "ipv6"],
] as const;

/* What a filter does with an address, by its place in the table. */
type Verdict = "accepts" | "blocks" | "throws" | "throws a value";

/* With these rates and steps of time all numbers of the bucket are exact. */
const RATES = [0, 0, 1, 2, 8];
const STEP_MS = 125;

class FakeSocket {
  isReleased = false;
  isReset = false;
  readonly which: number;
  readonly #onReleased: (() => void)[] = [];

  constructor(which: number) {
    this.which = which;
  }

  address(end: number) {
    assert.equal(end, PEER);
    const [hostname] = ADDRESSES[this.which]!;
    return { transport: "tcp", hostname, port: 1 };
  }
  onReleased(callback: () => void): void {
    this.#onReleased.push(callback);
  }
  reset(): void {
    this.isReset = true;
    this.release();
  }
  release(): void {
    this.isReleased = true;
    for (const callback of this.#onReleased.splice(0)) callback();
  }
}

class World {
  readonly #owner = {
    loop: { deadlines: new Deadlines(() => {}) },
    admitted: [] as unknown[],
    isPaused: false,
    lastError: undefined as Error | undefined,
    admit(socket: Socket) {
      this.admitted.push(socket);
    },
    pause() {
      this.isPaused = true;
    },
    resume() {
      this.isPaused = false;
    },
  };
  readonly #admission: Admission;
  #verdicts: readonly Verdict[] = [];
  /* The reference. */
  #maxConnections: number;
  #acceptRate: number;
  #tokens: number;
  #blocked = 0;
  #lastError: string | undefined;
  readonly #open: FakeSocket[] = [];
  readonly #unchecked: FakeSocket[] = [];
  readonly #waiting: FakeSocket[] = [];
  readonly #expected: FakeSocket[] = [];

  constructor([maxConnections, acceptRate, verdicts]: Limits, open: number) {
    this.#maxConnections = maxConnections;
    this.#acceptRate = this.#tokens = acceptRate;
    this.#verdicts = verdicts;
    this.#open = Array.from({ length: open }, () => new FakeSocket(0));
    this.#admission = new Admission(
      this.#owner,
      this.#limits(),
      this.#open as unknown as Socket[],
    );
  }

  #limits(): AdmissionLimits {
    const limits = {
      maxConnections: this.#maxConnections,
      acceptRate: this.#acceptRate,
      blockList: this.#verdicts.length === 0
        ? undefined
        : { check: (ip: string, family: string) => this.#filter(ip, family) },
    };
    const isNone = limits.blockList === undefined &&
      limits.maxConnections + limits.acceptRate === 0;
    assert.equal(isLimited(limits), !isNone);
    return limits;
  }

  #filter(ip: string, family: string): boolean {
    const verdict = this.#verdicts[
      ADDRESSES.findIndex((one) => one[1] === ip && one[2] === family)
    ];
    assert.ok(verdict !== undefined, `the filter gets ${ip}, ${family}`);
    if (verdict === "throws") throw new RangeError("thrown");
    if (verdict === "throws a value") throw "a value";
    return verdict === "blocks";
  }

  /* ---- what happens */

  arrive(which: number): void {
    const socket = new FakeSocket(which);
    if (this.#verdicts.length > 0) this.#unchecked.push(socket);
    else this.#waiting.push(socket);
    this.#admission.arrived(socket as unknown as Socket);
    this.#admit();
  }

  async rest(): Promise<void> {
    await undefined;
    await undefined;
    this.#check();
  }

  /* A blocking call does not wait for the microtask. */
  checkNow(): void {
    this.#admission.check();
    this.#check();
  }

  pass(steps: number): void {
    pass(steps * STEP_MS);
    const tokens = this.#tokens + steps * STEP_MS * this.#acceptRate / 1000;
    this.#tokens = Math.min(this.#acceptRate, tokens);
    this.#owner.loop.deadlines.expire();
    this.#admit();
  }

  change([maxConnections, acceptRate, verdicts]: Limits): void {
    if (this.#acceptRate === 0) this.#tokens = acceptRate;
    this.#maxConnections = maxConnections;
    this.#acceptRate = acceptRate;
    this.#tokens = Math.min(this.#tokens, acceptRate);
    this.#verdicts = verdicts;
    this.#admission.change(this.#limits());
    this.#admit();
  }

  /* One that is open ends, or one that waits fails. */
  release(which: number, isWaiting: boolean): void {
    const all = isWaiting ? this.#waiting : this.#open;
    if (all.length === 0) return;
    const socket = all[which % all.length]!;
    if (!isWaiting) this.#open.splice(this.#open.indexOf(socket), 1);
    socket.release();
    this.#admit();
  }

  clear(): void {
    const left = this.#admission.clear();
    assert.deepEqual(left, [...this.#waiting, ...this.#unchecked]);
    assert.equal(this.#admission.length, 0);
    assert.equal(this.#owner.loop.deadlines.length, 0);
    /* Then the close resets them. */
    this.#waiting.length = this.#unchecked.length = 0;
    this.#owner.isPaused = false;
  }

  /* ---- the reference */

  #check(): void {
    for (const socket of this.#unchecked.splice(0)) {
      const verdict = this.#verdicts[socket.which] ?? "accepts";
      if (verdict === "throws") this.#lastError = "thrown";
      if (verdict === "throws a value") {
        this.#lastError = "The filter has thrown a value";
      }
      if (verdict === "accepts") this.#waiting.push(socket);
      else this.#blocked++;
      assert.equal(socket.isReset, verdict !== "accepts");
    }
    this.#admit();
  }

  #admit(): void {
    while (this.#waiting.length > 0 && this.#hasPlace && this.#hasToken) {
      if (this.#acceptRate > 0) this.#tokens--;
      const socket = this.#waiting.shift()!;
      this.#expected.push(socket);
      if (!socket.isReleased) this.#open.push(socket);
    }
    this.#compare();
  }

  get #hasPlace(): boolean {
    return this.#maxConnections === 0 ||
      this.#open.length < this.#maxConnections;
  }

  get #hasToken(): boolean {
    return this.#acceptRate === 0 || this.#tokens >= 1;
  }

  #compare(): void {
    const owner = this.#owner;
    const isHolding = this.#waiting.length > 0;
    assert.deepEqual(owner.admitted, this.#expected);
    assert.equal(owner.isPaused, isHolding);
    assert.equal(owner.lastError?.message, this.#lastError);
    assert.equal(
      owner.lastError?.cause,
      this.#lastError?.includes("value") ? "a value" : undefined,
    );
    assert.equal(this.#admission.isHolding, isHolding);
    assert.equal(this.#admission.blocked, this.#blocked);
    const length = this.#waiting.length + this.#unchecked.length;
    assert.equal(this.#admission.length, length);
    const { nextAt } = owner.loop.deadlines;
    if (isHolding && this.#hasPlace) {
      const ms = (1 - this.#tokens) * 1000 / this.#acceptRate;
      assert.equal(nextAt, clock() + Math.ceil(ms), "when it is woken");
    } else if (!isHolding) assert.equal(nextAt, Infinity);
  }
}

type Limits = readonly [
  maxConnections: number,
  acceptRate: number,
  verdicts: readonly Verdict[],
];

const verdicts = fc.array(
  fc.constantFrom<Verdict>("accepts", "blocks", "throws", "throws a value"),
  { minLength: ADDRESSES.length, maxLength: ADDRESSES.length },
);
const limits: fc.Arbitrary<Limits> = fc.tuple(
  fc.constantFrom(0, 1, 2, 5),
  fc.constantFrom(...RATES),
  fc.oneof(fc.constant([]), verdicts),
);
const places = fc.nat({ max: ADDRESSES.length - 1 });

const steps: fc.Arbitrary<Action<World>> = fc.oneof(
  action("arrive", places, (world: World, which) => world.arrive(which)),
  action("arrive", places, (world: World, which) => world.arrive(which)),
  action("rest", nothing, (world: World) => world.rest()),
  action("check", nothing, (world: World) => world.checkNow()),
  action(
    "pass",
    fc.integer({ min: 1, max: 9 }),
    (world: World, count) => world.pass(count),
  ),
  action("change", limits, (world: World, to) => world.change(to)),
  action("end", places, (world: World, which) => world.release(which, false)),
  action("fail", places, (world: World, which) => world.release(which, true)),
);

const RUNS = 500;
const SEED = 20061;

test("Connections are admitted in order, as soon as the limits allow it", async () => {
  await fc.assert(
    fc.asyncProperty(
      limits,
      fc.nat({ max: 2 }),
      fc.array(steps, { maxLength: 60, size: "max" }),
      async (limits, open, all) => {
        const world = new World(limits, open);
        for (const step of all) {
          /* Only "rest" lets the microtask of a check run. */
          const resting = step.run(world);
          if (resting !== undefined) await resting;
        }
        world.clear();
        await world.rest();
      },
    ),
    { numRuns: RUNS, seed: SEED },
  );
});
