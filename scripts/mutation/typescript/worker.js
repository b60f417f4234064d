// Copyright the iocp authors. MIT license.

// A process of Bun in the copy of the checkout, which runs tests again and again, each
// time with another mutant. judge.js starts it and says what to do.

import process from "node:process";
import fc from "fast-check";
import { tests } from "./registry.js";

// The smallest case that shows the mutant is of no interest.
fc.configureGlobal({ endOnFailure: true });

/* What the code of the instrumenter looks at. */
const stryker = globalThis.__stryker__ = {};
/* Ends the test that runs. */
let failNow = () => {};
for (const event of ["uncaughtException", "unhandledRejection"]) {
  process.on(event, (error) => failNow(error));
}
process.on("disconnect", () => process.exit());
process.on("message", async ({ call, ...options }) => {
  const reply = await calls[call](options)
    .catch((error) => ({ error: String(error?.stack ?? error) }));
  process.send(reply);
});

const calls = { load, measure, judge };

/* Loads test files. What is used now is used once for the process. */
async function load({ paths }) {
  for (const path of paths) await import(path);
  return { once: stryker.mutantCoverage?.static ?? {} };
}

/* Runs all tests twice: `first` and `again` say how often each uses each mutant. */
async function measure({ limit }) {
  const all = tests.map(({ name }) => ({ name: name.join(": ") }));
  for (const round of ["first", "again"]) {
    for (const [i, test] of tests.entries()) {
      const id = stryker.currentTestId = `${round} ${i}`;
      const start = performance.now();
      const { end, error } = await run(test, limit);
      all[i].ms = performance.now() - start;
      all[i][round] = stryker.mutantCoverage?.perTest[id] ?? {};
      if (end !== "passed") all[i].fails ??= `${end}: ${error}`;
    }
  }
  return { tests: all };
}

/* Runs tests until one fails. `mutant` is undefined for none. */
async function judge({ mutant, chosen }) {
  stryker.isJudging = true;
  if (mutant !== process.env.__STRYKER_ACTIVE_MUTANT__) {
    stryker.activeMutant = mutant ?? "none";
  }
  for (const { index, limit, hitLimit } of chosen) {
    // A mutant that is used more often throws, so that it does not loop for ever.
    stryker.hitCount = 0;
    stryker.hitLimit = hitLimit;
    const { end } = await run(tests[index], limit);
    if (end !== "passed") return { end, index };
  }
  return { end: "survives" };
}

async function run(test, limit) {
  let timer;
  try {
    return await new Promise((resolve, reject) => {
      failNow = reject;
      timer = setTimeout(() => resolve({ end: "late" }), limit);
      test.run().then(() => resolve({ end: "passed" }), reject);
    });
  } catch (error) {
    return { end: "failed", error: String(error?.stack ?? error) };
  } finally {
    clearTimeout(timer);
  }
}
