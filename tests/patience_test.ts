// Copyright the iocp authors. MIT license.
/* How long the loop waits for a program that answers from callbacks of the runtime. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Patience } from "../src/loop/patience.ts";
import { netGroup } from "../src/net/net_group.ts";
import { within } from "./shared/deadline.ts";
import { pair } from "./shared/pair.ts";
import { bytesOf } from "./shared/pattern.ts";

/* The rounds for one message, of which the program answers in round `answer`. */
function rounds(patience: Patience, answer: number): number {
  let sends = 0;
  patience.begin(sends);
  for (let round = 0;; round++) {
    if (round === answer) sends++;
    if (!patience.needsRound(sends)) return round;
  }
}

function roundsOf(patience: Patience, answer: number, count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += rounds(patience, answer);
  return sum;
}

test("Patience needs no round when nothing has come, or was answered", () => {
  const patience = new Patience();
  assert.equal(patience.needsRound(0), false);
  assert.equal(rounds(patience, 0), 0);
  assert.equal(patience.needsRound(0), false);
});

test("Patience waits as long as answers come, but not for ever", () => {
  const patience = new Patience();
  assert.equal(roundsOf(patience, 2, 1000), 2000);
  assert.equal(rounds(patience, Infinity), 3);
  assert.equal(roundsOf(patience, 1, 1000), 1000);
});

test("Patience ends when no answers come, and is tried again", () => {
  const patience = new Patience();
  const first = roundsOf(patience, Infinity, 8);
  assert.equal(first, 8 * 3);
  /* One trial for 32 messages. */
  assert.equal(roundsOf(patience, Infinity, 320), 10 * 3);
  /* An answer in a trial brings it back. */
  assert.ok(roundsOf(patience, 2, 320) > 500);
});

for (const hops of [1, 2, 3]) {
  test(`A program that answers after ${hops} setImmediate() does not wait for a sleep`, async () => {
    using ends = await pair();
    const { client, server } = ends;
    const afterHops = (left: number, run: () => void): void => {
      if (left === 0) run();
      else setImmediate(() => afterHops(left - 1, run));
    };
    const answering = (async () => {
      for await (const chunk of server) {
        afterHops(hops, () => server.write(chunk));
      }
    })();
    const ask = async () => {
      await client.write(bytesOf("question"));
      await within("an answer", client.read(new Uint8Array(8)));
    };
    for (let i = 0; i < 50; i++) await ask();
    const { port } = netGroup().loop;
    const waitHere = port.waitHere.bind(port);
    let sleeps = 0;
    port.waitHere = (us) => {
      sleeps++;
      return waitHere(us);
    };
    try {
      for (let i = 0; i < 200; i++) await ask();
    } finally {
      port.waitHere = waitHere;
    }
    assert.ok(sleeps < 100, `${sleeps} sleeps for 200 questions`);
    client.close();
    await within("the end", answering);
  });
}
