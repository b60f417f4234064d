// Copyright the iocp authors. MIT license.

// What `npm run mutate:ts` loads into Bun before a test file.

import { afterAll } from "bun:test";
import { writeFileSync } from "node:fs";
import process from "node:process";
import fc from "fast-check";

// The smallest case that shows the mutant is of no interest.
fc.configureGlobal({ endOnFailure: true });

const { IOCP_MUTANT_HITS, IOCP_MUTANT_COUNTS } = process.env;
// A mutant that is used more often throws, so that it does not loop for ever.
const stryker = globalThis.__stryker__ = IOCP_MUTANT_HITS
  ? { hitCount: 0, hitLimit: Number(IOCP_MUTANT_HITS) }
  : {};
// How often each mutant would have been used.
if (IOCP_MUTANT_COUNTS) {
  afterAll(() => {
    const counts = JSON.stringify(stryker.mutantCoverage?.static ?? {});
    writeFileSync(IOCP_MUTANT_COUNTS, counts);
  });
}
