// Copyright the iocp authors. MIT license.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Deadline, Deadlines, UNSET } from "../src/loop/deadlines.ts";
import { Random } from "./shared/random.ts";

class Recorded implements Deadline {
  at = 0;
  place = UNSET;
  readonly #expired: Deadline[];

  constructor(expired: Deadline[]) {
    this.#expired = expired;
  }

  expire(): void {
    this.#expired.push(this);
  }
}

test("Deadlines expire in order, whatever was added and removed", () => {
  const random = new Random(1);
  for (let round = 0; round < 20; round++) {
    const expired: Deadline[] = [];
    const deadlines = new Deadlines(() => {});
    const all: Recorded[] = [];
    for (let i = 0; i < 500; i++) {
      if (all.length > 0 && random.chance(0.4)) {
        const [removed] = all.splice(random.integer(0, all.length - 1), 1);
        deadlines.remove(removed!);
        assert.equal(removed!.place, UNSET);
        /* A second time it has no effect. */
        deadlines.remove(removed!);
      } else {
        const deadline = new Recorded(expired);
        /* Below 0: it is due. */
        deadlines.add(deadline, random.integer(-100, -1));
        all.push(deadline);
      }
      assert.equal(deadlines.length, all.length);
      const nearest = Math.min(...all.map(({ at }) => at));
      assert.equal(deadlines.nextAt, nearest);
    }
    const late = new Recorded(expired);
    deadlines.add(late, 3_600_000);
    deadlines.expire();
    assert.equal(deadlines.length, 1);
    assert.equal(deadlines.nextAt, late.at);
    const times = all.map(({ at }) => at).sort((a, b) => a - b);
    assert.deepEqual(expired.map(({ at }) => at), times);
    assert.deepEqual(new Set(expired), new Set(all));
  }
});

test("Deadlines report one that is nearer than all others", () => {
  let count = 0;
  const deadlines = new Deadlines(() => count++);
  const added = [50, 60, 40, 45, 30].map((ms) => {
    const deadline = new Recorded([]);
    deadlines.add(deadline, 1000 * ms);
    return deadline;
  });
  assert.equal(count, 3);
  for (const deadline of added) deadlines.remove(deadline);
  assert.equal(deadlines.nextAt, Infinity);
});

test("A deadline that is removed by an earlier one does not expire", () => {
  const deadlines = new Deadlines(() => {});
  const expired: Deadline[] = [];
  const second = new Recorded(expired);
  const first = new Recorded(expired);
  first.expire = () => deadlines.remove(second);
  deadlines.add(first, -2);
  deadlines.add(second, -1);
  deadlines.expire();
  assert.deepEqual(expired, []);
  assert.equal(deadlines.length, 0);
});
