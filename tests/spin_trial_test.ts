// Copyright the iocp authors. MIT license.
/* The choice between polling and sleeping, on a clock of its own. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { isWindows } from "../src/runtime/detect.ts";
import { NONE, Pace } from "../src/loop/pace.ts";
import { SpinTrial } from "../src/loop/spin_trial.ts";

const SOCKET = 7;

/* What a message takes in microseconds, by the way of waiting for it. */
interface Machine {
  spinning: number;
  sleeping: number;
}

class World {
  #us = 0;
  readonly trial: SpinTrial = new SpinTrial(() => this.#us / 1000);

  pause(us: number): void {
    this.#us += us;
  }

  /* Returns the part of the messages for which the loop was polling. */
  run(messages: number, machine: Machine): number {
    let spun = 0;
    for (let i = 0; i < messages; i++) {
      const { isSpinning } = this.trial;
      if (isSpinning) spun++;
      this.pause(isSpinning ? machine.spinning : machine.sleeping);
      this.trial.message();
    }
    return spun / messages;
  }
}

/* A peer on an idle core; one on the same core; two cores that others want. */
const OTHER_CORE = { spinning: 25, sleeping: 55 };
const SAME_CORE = { spinning: 18, sleeping: 19 };
const BUSY = { spinning: 110, sleeping: 21 };

test("SpinTrial polls where that shortens a message by a third or more", () => {
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
    const polls = isWindows || world.trial.isSpinning;
    world.pause(polls ? OTHER_CORE.spinning : OTHER_CORE.sleeping);
    pace.polled(SOCKET);
    if (i === 0) continue;
    assert.equal(pace.isSleepFirst, !isWindows && !world.trial.isSpinning);
  }
  if (!isWindows) assert.equal(world.trial.isSpinning, true);
  assert.equal(pace.turns, 4);
  assert.equal(turnsToSleep(pace), 50);
});
