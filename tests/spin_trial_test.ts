// Copyright the iocp authors. MIT license.
/* The choice between polling and sleeping, on a clock of its own. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { isWindows } from "../src/runtime/detect.ts";
import { NONE, Pace } from "../src/loop/pace.ts";
import { SpinTrial } from "../src/loop/spin_trial.ts";

const SOCKET = 7;

/* What a message takes in microseconds, by the way of waiting for it: of the clock,
 * and of CPU time. */
interface Machine {
  spinning: number;
  sleeping: number;
  spinningCpu: number;
  sleepingCpu: number;
}

class World {
  #us = 0;
  #cpuUs = 0;
  readonly trial: SpinTrial = new SpinTrial(
    () => this.#us / 1000,
    () => this.#cpuUs / 1000,
  );

  pause(us: number): void {
    this.#us += us;
  }

  advance(isSpinning: boolean, machine: Machine): void {
    this.#us += isSpinning ? machine.spinning : machine.sleeping;
    this.#cpuUs += isSpinning ? machine.spinningCpu : machine.sleepingCpu;
  }

  /* Returns the part of the messages for which the loop was polling. */
  run(messages: number, machine: Machine): number {
    let spun = 0;
    for (let i = 0; i < messages; i++) {
      const { isSpinning } = this.trial;
      if (isSpinning) spun++;
      this.advance(isSpinning, machine);
      this.trial.message();
    }
    return spun / messages;
  }
}

/* A peer on an idle core; one on the same core; two cores that others want. */
const OTHER_CORE = machine(25, 25, 55, 37);
const SAME_CORE = machine(18, 18, 19, 10);
const BUSY = machine(110, 60, 21, 8);
/* The peer has a core of its own, which falls asleep between messages. */
const LITTLE_MORE_CPU = machine(21, 22, 50, 20);
/* Polling costs more than it gains. */
const NO_GAIN = machine(50, 50, 55, 37);
const LITTLE_LESS_TIME = machine(42, 22, 50, 20);
/* The other threads have taken more of the core while this one slept. */
const BUSY_BY_CHANCE = machine(110, 60, 300, 8);

function machine(
  spinning: number,
  spinningCpu: number,
  sleeping: number,
  sleepingCpu: number,
): Machine {
  return { spinning, spinningCpu, sleeping, sleepingCpu };
}

test("SpinTrial polls where that takes less time and less CPU time", () => {
  const world = new World();
  assert.equal(world.trial.isSpinning, false);
  world.run(1000, OTHER_CORE);
  assert.ok(world.run(20_000, OTHER_CORE) > 0.98);
});

test("SpinTrial sleeps where polling hardly shortens a message", () => {
  const world = new World();
  world.run(1000, SAME_CORE);
  const spun = world.run(20_000, SAME_CORE);
  /* It is tried again now and then, or a change would go unnoticed. */
  assert.ok(spun > 0 && spun < 0.02, `${spun}`);
});

test("SpinTrial sleeps where polling takes less time, but more CPU time", () => {
  const world = new World();
  world.run(1000, BUSY_BY_CHANCE);
  assert.ok(world.run(20_000, BUSY_BY_CHANCE) < 0.02);
});

test("SpinTrial polls where that takes half the time for a little more CPU time", () => {
  const world = new World();
  world.run(1000, LITTLE_MORE_CPU);
  assert.ok(world.run(20_000, LITTLE_MORE_CPU) > 0.98);
});

test("SpinTrial sleeps where polling takes a little less time for more CPU time", () => {
  const world = new World();
  world.run(1000, LITTLE_LESS_TIME);
  assert.ok(world.run(20_000, LITTLE_LESS_TIME) < 0.02);
});

test("SpinTrial gives up at once where a message costs many times as much", () => {
  const world = new World();
  world.run(33, BUSY);
  assert.equal(world.trial.isSpinning, true);
  /* Seven messages cost more than 1.2 times what 32 cost that slept. */
  assert.ok(world.run(33, BUSY) <= 7 / 33);
  assert.equal(world.trial.isSpinning, false);
});

test("SpinTrial tries more and more rarely what pays by chance alone", () => {
  const world = new World();
  let tries = 0;
  let wasSpinning = false;
  let lucky = 0;
  for (let i = 0; i < 100_000; i++) {
    const { isSpinning } = world.trial;
    if (isSpinning && !wasSpinning) tries++;
    wasSpinning = isSpinning;
    /* It pays for the first 40 messages of each time, which is more than an epoch. */
    const isLucky = isSpinning && ++lucky <= 40;
    if (!isSpinning) lucky = 0;
    world.advance(isSpinning, isLucky ? OTHER_CORE : NO_GAIN);
    world.trial.message();
  }
  assert.ok(tries > 5 && tries < 60, `${tries}`);
});

test("SpinTrial sleeps after a pause, which cannot be compared", () => {
  const world = new World();
  world.run(5000, OTHER_CORE);
  assert.equal(world.trial.isSpinning, true);
  /* Each epoch takes longer than 32 ms, as with many busy threads. */
  world.run(33 * 2, machine(2000, 1000, 2000, 20));
  assert.ok(world.run(5000, machine(2000, 1000, 2000, 20)) === 0);
});

test("SpinTrial follows the machine", () => {
  const world = new World();
  for (let round = 0; round < 3; round++) {
    world.run(10_000, OTHER_CORE);
    assert.ok(world.run(5000, OTHER_CORE) > 0.95);
    world.run(10_000, BUSY);
    assert.ok(world.run(5000, BUSY) < 0.05);
  }
});

test("SpinTrial does not compare what a pause of the peer is a part of", () => {
  const world = new World();
  world.run(33, SAME_CORE);
  assert.equal(world.trial.isSpinning, true);
  let spun = 0;
  for (let i = 0; i < 100; i++) {
    world.pause(50_000);
    world.trial.message();
    spun += world.run(20, SAME_CORE);
  }
  /* After the first pause no epoch has been whole. */
  assert.ok(spun < 2, `${spun}`);
  assert.equal(world.trial.isSpinning, false);
});

test("SpinTrial measures the messages of one connection", () => {
  const world = new World();
  for (let i = 0; i < 1000; i++) {
    world.run(30, OTHER_CORE);
    world.trial.interrupt();
  }
  assert.equal(world.trial.isSpinning, false);
});

/* The empty turns until the loop sleeps, if it polls first. */
function turnsToSleep(pace: Pace): number {
  for (let turns = 1; turns < 1000; turns++) {
    pace.count(true);
    if (pace.isSleepDue) return turns;
  }
  return Infinity;
}

test("Pace expects an answer only of a connection that is busy alone", () => {
  const pace = new Pace();
  assert.equal(pace.isSleepFirst, false);
  pace.polled(SOCKET);
  assert.equal(pace.isSleepFirst, false);
  pace.polled(SOCKET);
  assert.equal(pace.isSleepFirst, !isWindows);
  assert.equal(pace.turns, isWindows ? 4 : 1);
  /* The sleep was in vain. */
  pace.count(true);
  assert.equal(pace.isSleepFirst, false);
  assert.equal(pace.isParkDue, !isWindows);
  pace.parked();
  /* Another turn, which must find out what has woken the loop. */
  pace.restart();
  assert.equal(pace.isSleepFirst, false);
  pace.polled(SOCKET);
  assert.equal(pace.isSleepFirst, false);
  pace.polled(SOCKET);
  assert.equal(pace.isSleepFirst, !isWindows);
  /* Others are busy, too. */
  for (const other of [NONE, SOCKET + 1]) {
    pace.polled(other);
    assert.equal(pace.isSleepFirst, false);
    assert.equal(turnsToSleep(pace), isWindows ? 20 : 2);
    pace.restart();
    pace.polled(SOCKET);
    pace.polled(SOCKET);
  }
  pace.removed(SOCKET);
  assert.equal(pace.isSleepFirst, false);
  assert.equal(turnsToSleep(pace), isWindows ? 20 : 2);
});

test("Pace takes the first socket of a port, whose id is 0, like others", () => {
  const pace = new Pace();
  pace.polled(0);
  pace.polled(0);
  assert.equal(pace.isSleepFirst, !isWindows);
  pace.polled(NONE);
  pace.polled(NONE);
  assert.equal(pace.isSleepFirst, false);
});

test("Pace polls for an answer while the trial says so", () => {
  const world = new World();
  const pace = new Pace(world.trial);
  for (let i = 0; i < 5000; i++) {
    world.advance(isWindows || world.trial.isSpinning, OTHER_CORE);
    pace.polled(SOCKET);
    if (i === 0) continue;
    assert.equal(pace.isSleepFirst, !isWindows && !world.trial.isSpinning);
  }
  if (!isWindows) assert.equal(world.trial.isSpinning, true);
  assert.equal(pace.turns, 4);
  assert.equal(turnsToSleep(pace), 50);
});

/* As many waits that a message has ended after 20 us. */
function shortWaits(pace: Pace, count: number): void {
  for (let i = 0; i < count; i++) pace.waited(0.02, true);
}

test("Pace waits longer only after many short waits in a row", () => {
  const pace = new Pace();
  assert.equal(pace.waitUs, 100);
  shortWaits(pace, 7);
  assert.equal(pace.waitUs, 100);
  shortWaits(pace, 1);
  assert.equal(pace.waitUs, 1000);
  /* One in vain, and one that was long, though a message has ended it. */
  for (const [ms, isEnded] of [[1, false], [0.5, true]] as const) {
    pace.waited(ms, isEnded);
    assert.equal(pace.waitUs, 100);
    shortWaits(pace, 8);
    assert.equal(pace.waitUs, 1000);
  }
});
