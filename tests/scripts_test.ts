// Copyright the iocp authors. MIT license.
/* What the scripts of the repository say about themselves. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { start } from "./shared/child.ts";
import { repositoryPath } from "./shared/files.ts";

/* Each script with options, and words of its usage. */
const SCRIPTS: readonly [path: string, words: readonly string[]][] = [
  ["scripts/fuzz.js", ["--minutes", "--target", "--seed", "--merge", "--run"]],
  ["scripts/probe.js", ["--filter", "--json", "--write", "--controls"]],
  ["scripts/simulate.js", ["--seconds", "--count", "--world", "--build"]],
  ["scripts/soak.js", ["--minutes", "--cell", "--seed", "--visits"]],
  ["scripts/test.js", ["--stage", "--cell", "--filter", "--quick", "--jobs"]],
  ["ffi/build.js", ["--check", "--output"]],
];

test("A script prints its usage for --help and for an unknown option", async () => {
  for (const [path, words] of SCRIPTS) {
    for (const option of ["--help", "--nonsense"]) {
      using child = start(repositoryPath(path), [option]);
      const { code, stdout, stderr } = await child.ended;
      const isHelp = option === "--help";
      assert.equal(code, isHelp ? 0 : 2, `${path}: ${stderr}`);
      const shown = isHelp ? stdout : stderr;
      for (const word of words) assert.ok(shown.includes(word), shown);
      assert.doesNotMatch(shown, /^\/\/|Copyright|node:internal/m);
      if (!isHelp) assert.match(stderr, /--nonsense/);
    }
  }
});
