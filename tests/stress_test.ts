// Copyright the iocp authors. MIT license.
/* Garbage collection, terminated Workers, abandoned iterators and closed ports at
 * random moments, each in a process of its own: the process does not crash, all
 * promises settle, and nothing leaks. IOCP_TEST_SEED=17 repeats a run. */

import assert from "node:assert/strict";
import process from "node:process";
import { describe, test } from "node:test";
import { type Ended, programPath, run, start } from "./shared/child.ts";
import { within } from "./shared/deadline.ts";
import { Random, seeded, seeds } from "./shared/random.ts";
import type { Grown } from "./shared/rounds.ts";
import { STATES, UNREF_STATES } from "./shared/states.ts";

const MIB = 1024 * 1024;
const isWindows = process.platform === "win32";
/* The runtime opens and closes handles of its own, for example for Workers. The
 * port of one Worker has more handles than that. */
const HANDLES_SLACK = 12;
const [SEED] = seeds(1, 1) as [number];

/* A crash ends the process by a signal, or on Windows with the code of an
 * exception. */
function requireNoCrash({ signal, code, stderr }: Ended): void {
  const isException = code !== null && (code < 0 || code > 255);
  const crashed = (signal !== null && signal !== "SIGTERM") || isException;
  assert.ok(!crashed, `${signal ?? code}: ${stderr}`);
  assert.doesNotMatch(stderr, /panic|page fault|Segmentation/i);
}

const PROGRAMS: [program: string, what: string, rounds: number][] = [
  ["collect", "garbage is collected continuously", isWindows ? 2 : 6],
  ["terminate", "Workers are terminated at any moment", isWindows ? 4 : 10],
  ["abandon", "iterators are abandoned", isWindows ? 2 : 6],
  ["keep_chunks", "chunks are retained", isWindows ? 2 : 6],
  ["delete_port", "ports close in any state", isWindows ? 6 : 20],
];

describe("Nothing crashes or leaks when", () => {
  for (const [program, what, rounds] of PROGRAMS) {
    test(what, () =>
      seeded(SEED, "stress", async () => {
        const ended = await run(program, [`${SEED}`, `${rounds}`]);
        requireNoCrash(ended);
        const { code, stdout, stderr } = ended;
        assert.equal(code, 0, `${stdout}\n${stderr}`);
        const grown = JSON.parse(stdout.trim()) as Grown;
        assert.ok(grown.handles <= HANDLES_SLACK, stdout);
        /* A round that leaks all that it has used leaks more than 2 MiB. */
        assert.ok(grown.bytes < Math.max(16, rounds * 2) * MIB, stdout);
      }));
  }
});

/* The expected exit of each ending. Windows has no signals, and there the test
 * only requires that the process ends. */
const ENDINGS: Readonly<Record<string, (ended: Ended) => void>> = {
  close: ({ code, stderr }) => assert.equal(code, 0, stderr),
  exit: ({ code, stderr }) => assert.equal(code, 7, stderr),
  throw({ code, stderr }) {
    assert.equal(code, 1, stderr);
    assert.match(stderr, /thrown on purpose/);
  },
  reject({ code, stderr }) {
    assert.equal(code, 1, stderr);
    assert.match(stderr, /rejected on purpose/);
  },
  unref: ({ code, stderr }) => assert.equal(code, 0, stderr),
  SIGTERM({ code, signal }) {
    if (!isWindows) assert.deepEqual([code, signal], [null, "SIGTERM"]);
  },
  SIGKILL({ code, signal }) {
    if (!isWindows) assert.deepEqual([code, signal], [null, "SIGKILL"]);
  },
};

async function end(states: readonly string[], ending: string): Promise<void> {
  const isSignal = ending.startsWith("SIG");
  using child = start(programPath("ending"), [
    states.join(),
    isSignal ? "signal" : ending,
  ]);
  await within("the states", child.output(/ready/));
  if (isSignal) child.process.kill(ending as NodeJS.Signals);
  const ended = await within(`the exit by ${ending}`, child.ended);
  if (!isSignal) requireNoCrash(ended);
  ENDINGS[ending]!(ended);
}

/* Every ending in all states at once, and every state alone with some of the
 * endings: all pairs would take minutes under Wine. */
describe("A process with a port in all states exits by", () => {
  for (const ending of Object.keys(ENDINGS)) {
    const states = ending === "unref" ? UNREF_STATES : Object.keys(STATES);
    test(ending, () => end(states, ending));
  }
});

describe("A process exits", () => {
  const random = new Random(SEED);
  for (const state of Object.keys(STATES)) {
    const possible = Object.keys(ENDINGS).filter((ending) =>
      ending !== "unref" || UNREF_STATES.includes(state)
    );
    const chosen = random.shuffled(possible).slice(0, isWindows ? 1 : 2);
    for (const ending of chosen) {
      test(`by ${ending}, with a port in the state ${state}`, () =>
        seeded(SEED, "stress", () => end([state], ending)));
    }
  }
});
