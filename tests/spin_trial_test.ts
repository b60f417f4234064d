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
/* The other threads have taken more of the core while this one slept. */
/* Polling costs as much as it gains. */
const NO_GAIN = machine(50, 50, 55, 37);
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

test("SpinTrial gives up at once where a message costs many times as much", () => {
  const world = new World();
  world.run(33, BUSY);
  assert.equal(world.trial.isSpinning, true);
  /* Six messages cost as much as 32 that slept. */
  assert.ok(world.run(33, BUSY) <= 6 / 33);
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

/* A pace on a clock of its own, in milliseconds. */
class Waits {
  #ms = 0;
  parks = 0;
  readonly pace: Pace = new Pace(new World().trial, () => this.#ms);

  /* One wait that a message ends after so long. */
  ended(ms: number): void {
    const beganAt = this.#ms;
    this.#ms += ms;
    this.pace.waited(beganAt, true);
  }

  /* Waits in vain, as the loop does them, until it parks or the message has come
   * after `ms`. Returns their number. */
  late(ms: number): number {
    const { pace } = this;
    const comesAt = this.#ms + ms;
    pace.polled(SOCKET);
    pace.polled(SOCKET);
    let waits = 0;
    while (!pace.isParkDue) {
      /* The first wait may come before the first poll. */
      const isFirst = pace.isSleepFirst;
      pace.count(true);
      if (!isFirst && !pace.isSleepDue) continue;
      const beganAt = this.#ms;
      waits++;
      this.#ms += pace.waitUs / 1000;
      if (this.#ms >= comesAt) {
        pace.waited(beganAt, true);
        pace.restart();
        return waits;
      }
      pace.waited(beganAt, false);
      /* The runtime has a round of its loop before each of the others. */
      if (!pace.isParkDue) assert.equal(pace.turns, 1);
    }
    pace.parked();
    this.parks++;
    this.#ms = Math.max(this.#ms, comesAt);
    pace.polled(SOCKET);
    pace.restart();
    return waits;
  }

  times(count: number, ms: number): void {
    for (let i = 0; i < count; i++) this.ended(ms);
  }
}

test("Pace waits longer only after many messages that came quickly", () => {
  const waits = new Waits();
  const { pace } = waits;
  assert.equal(pace.waitUs, 100);
  waits.times(7, 0.02);
  assert.equal(pace.waitUs, 100);
  waits.times(1, 0.02);
  assert.equal(pace.waitUs, 1000);
  /* One that was not quick halves what counts, however many were. */
  waits.ended(0.5);
  assert.equal(pace.waitUs, 100);
  waits.times(1000, 0.02);
  for (let late = 0; late < 4; late++) {
    assert.equal(pace.waitUs, 1000);
    waits.ended(0.5);
  }
  assert.equal(pace.waitUs, 100);
});

test("Pace parks after one wait where messages do not come soon", () => {
  const waits = new Waits();
  waits.times(20, 20);
  for (let i = 0; i < 20; i++) {
    assert.equal(waits.late(20), 1);
  }
});

test("Pace waits on for a message that is late where the others came soon", {
  skip: isWindows,
}, () => {
  const waits = new Waits();
  waits.times(64, 0.02);
  /* Such as that of a peer which the system has preempted. */
  assert.equal(waits.late(5), 5);
  assert.equal(waits.parks, 0);
  /* If it does not come, the loop parks after nine waits, and when that has happened
   * a few times, after the first one. */
  const counts = Array.from({ length: 6 }, () => waits.late(1000));
  assert.deepEqual(counts, [9, 9, 9, 1, 1, 1]);
});

test("Pace does not park between messages that come within a millisecond", {
  skip: isWindows,
}, () => {
  const waits = new Waits();
  for (let i = 0; i < 40; i++) waits.late(0.4);
  /* Until it knew that. */
  assert.equal(waits.parks, 8);
  assert.equal(waits.pace.waitUs, 100);
});
