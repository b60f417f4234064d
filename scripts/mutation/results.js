// Copyright the iocp authors. MIT license.

// What is known of mutants, in a file of the developer cache: a line for each
// that was judged, so that a run which is stopped goes on where it was.

import { existsSync } from "node:fs";
import { appendFile, mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { filesIn } from "../../ffi/compile.js";
import { argv, cacheFolder, repository } from "../setup.js";
import { digest } from "./mutants.js";

const path = join(cacheFolder(), "mutation", "results.jsonl");
const equivalentsPath = join(
  ...[repository, "ffi", "tests", "model", "equivalent_mutants.json"],
);
// The folders of ffi/ whose files decide what becomes of a mutant.
const judges = argv`src src/callbacks src/windows src/posix src/linux include
  tests tests/shared tests/model tests/simulation`;

/** The results by the id of their mutants. */
export async function readResults() {
  if (!existsSync(path)) return new Map();
  const lines = (await readFile(path, "utf8")).split("\n").filter(Boolean);
  return new Map(lines.map((line) => JSON.parse(line)).map((r) => [r.id, r]));
}

/** Adds a result. */
export async function addResult(result) {
  await mkdir(dirname(path), { recursive: true });
  await appendFile(path, `${JSON.stringify(result)}\n`);
}

/**
 * Divides mutants into those that may change behaviour and those that cannot, and
 * has the keys of entries that fit none of them: `{ open, equivalent, stale }`. An
 * entry has the key and the line of the source, since what a function has several
 * of is counted in keys.
 */
export async function divide(mutants) {
  const entries = JSON.parse(await readFile(equivalentsPath, "utf8"));
  const reasons = new Map(entries.map(({ mutant, line }) => [mutant, line]));
  const isEquivalent = ({ key, source }) => reasons.get(key) === source;
  const equivalent = mutants.filter(isEquivalent);
  const keys = new Set(equivalent.map(({ key }) => key));
  const files = new Set(mutants.map(({ file }) => file.slice(4)));
  const stale = [...reasons.keys()]
    .filter((key) => files.has(key.split(" ")[0]) && !keys.has(key));
  const open = mutants.filter(({ key }) => !keys.has(key));
  return { open, equivalent, stale };
}

/**
 * A hash of the library and of what judges it. A mutant that has survived is
 * judged again when it is another; one that was killed stays so.
 */
export async function hashOfJudges(ffi) {
  const names = judges.flatMap((part) =>
    [".c", ".h"].flatMap((suffix) => filesIn(ffi, part, suffix))
  );
  const texts = await Promise.all(
    names.map((name) => readFile(join(ffi, name), "latin1")),
  );
  return digest(texts.join("\0"));
}
