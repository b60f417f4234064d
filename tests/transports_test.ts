// Copyright the iocp authors. MIT license.
/* docs/transports.md says what each transport has in each cell: here, that its tests
 * exist and run in the cell that runs this one; and what the runtimes' own sockets have. */

import assert from "node:assert/strict";
import process from "node:process";
import { describe, test } from "node:test";
import { ownRuntime } from "./shared/child.ts";
import { readText } from "./shared/header.ts";
import { noIpv6 } from "./shared/network.ts";
import { type Registration, registrationsOf } from "./shared/recorder.ts";

const CELLS = ["deno-linux", "bun-linux", "deno-windows", "bun-windows"];
const WORDS = ["yes", "NotSupported", "no", "not seen", "-"];
const system = process.platform === "win32" ? "windows" : "linux";
const column = CELLS.indexOf(`${ownRuntime.name}-${system}`);

/* A test that shows what a word says. */
interface Entry {
  word: string;
  file: string;
  title: string;
}
interface Row {
  feature: string;
  /** For each cell. */
  words: string[];
  entries: Entry[];
}

function entriesOf(text: string): Entry[] {
  return [...text.matchAll(/(?:(\w+): )?`([\w/]+\.ts): ([^`]+)`/g)]
    .map(([, word = "yes", file, title]) => ({
      word,
      file: file!,
      title: title!,
    }));
}

/* The rows below a heading, the first of which has the names of the columns. */
function rowsOf(section: string, columns: readonly string[]): Row[] {
  const [head, , ...lines] = section.split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
  assert.deepEqual(head, columns);
  return lines.map(([feature, ...words]) => ({
    feature: feature!,
    words,
    entries: entriesOf(words.pop()!),
  }));
}

const sections = readText("docs/transports.md").split("\n## ").slice(1);
const own = rowsOf(sections.pop()!, [
  "here",
  "Deno",
  "Bun",
  "`node:net`, `node:dgram`",
  "tests",
]);

/* The table below each other heading. */
const tables = sections.map((section) => ({
  transport: section.split("\n")[0]!,
  rows: rowsOf(section, ["feature", ...CELLS, "tests"]),
}));

const files = new Map<string, Registration[]>();
for (const { rows } of [...tables, { rows: own }]) {
  for (const { file } of rows.flatMap(({ entries }) => entries)) {
    if (!files.has(file)) files.set(file, await registrationsOf(file));
  }
}

/* The test, or those of the group. A title may belong to another runtime. */
function find({ file, title }: Entry): Registration[] {
  const found = files.get(file)!.filter((one) =>
    `${one.title} > `.startsWith(`${title} > `)
  );
  assert.ok(found.length > 0, `${file} has no test "${title}"`);
  return found;
}

/* Whether this cell runs it. What a test lacks on this machine alone, and has in
 * `npm test`, is not a matter of the cell. */
function runs({ skip }: Registration): boolean {
  return skip === false || skip === noIpv6 ||
    /^npm test|^only root/.test(skip);
}

function check({ words, entries }: Row, first: string): void {
  const word = words[column]!;
  assert.ok(WORDS.includes(word), `no such word: ${word}`);
  const found = entries.map((entry) => ({ ...entry, tests: find(entry) }));
  const shown = (word: string) => {
    const own = found.filter((entry) => entry.word === word);
    return own.length > 0 && own.every(({ tests }) => tests.every(runs));
  };
  if (first !== "yes") {
    /* The first line has shown it for the whole transport. */
    if (word === first) return;
    assert.notEqual(word, "yes");
  }
  if (word === "not seen") {
    assert.equal(system, "windows");
    assert.ok(shown("NotSupported") || !shown("yes"), "it has been seen");
  } else if (word === "-") {
    assert.ok(first !== "yes" || !shown("yes"), "there is something");
  } else {
    assert.ok(shown(word), `no test that runs here shows "${word}"`);
  }
  const titles = entries.map(({ file, title }) => `${file}: ${title}`);
  assert.equal(new Set(titles).size, titles.length, "a test shows one word");
  for (const entry of found) {
    if (entry.word !== "NotSupported") continue;
    for (const { text } of entry.tests) assert.match(text, /not ?supported/i);
  }
}

test("docs/transports.md has a table for each transport", () => {
  assert.deepEqual(tables.map(({ transport }) => transport), [
    "TCP",
    "Unix sockets",
    "Named pipes",
    "UDP",
    "Unix sockets of datagrams",
  ]);
  assert.ok(column >= 0);
});

for (const { transport, rows } of tables) {
  describe(`${transport}:`, () => {
    const first = rows[0]!;
    for (const row of rows) {
      const known = row === first ? "yes" : first.words[column]!;
      test(row.feature, () => check(row, known));
    }
  });
}

describe("Beside the runtimes' own:", () => {
  const isDeno = ownRuntime.name === "deno";
  /* What runs here: the tests of the other runtime run there. */
  const foreign = isDeno ? "Bun's own" : "Deno's own";
  for (const { feature, words, entries } of own) {
    test(feature, () => {
      assert.equal(words.length, 3);
      assert.ok(entries.length > 0, "no test");
      for (const entry of entries) {
        if (entry.title.startsWith(foreign)) continue;
        const isThere = find(entry).every((one) =>
          runs(one) || system === "windows" && one.skip === "only on Linux"
        );
        assert.ok(isThere, entry.title);
      }
    });
  }
});
