// Copyright the iocp authors. MIT license.
/* Every example in a doc comment is a program that runs without an error. */

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { describe, test } from "node:test";
import { start } from "./shared/child.ts";
import { repositoryPath, TemporaryFolder } from "./shared/files.ts";
import { readText } from "./shared/header.ts";

interface Example {
  title: string;
  code: string;
}

/* The code block after each @example of a file. */
function examplesOf(file: string): Example[] {
  const examples: Example[] = [];
  const blocks = readText(file).matchAll(
    /@example *([^\n]*)\n *\* ```ts\n([^]*?)\n *\* ```/g,
  );
  for (const [, title, lines] of blocks) {
    const code = lines!.replace(/^ *\* ?/gm, "");
    const number = examples.length + 1;
    examples.push({ title: `${number}: ${title || "no title"}`, code });
  }
  return examples;
}

const files = [
  "mod.ts",
  "http.ts",
  "net.ts",
  ...readdirSync(repositoryPath("src"), { recursive: true })
    .map((name) => `src/${String(name).replaceAll("\\", "/")}`)
    .filter((name) => name.endsWith(".ts")),
];
const module = JSON.stringify(
  new URL("../mod.ts", import.meta.url).href,
);
const net = JSON.stringify(new URL("../net.ts", import.meta.url).href);
const http = JSON.stringify(new URL("../http.ts", import.meta.url).href);
/* The imports of this module in examples. */
const OWN_IMPORT = /from "iocp"/g;
const NET_IMPORT = /from "iocp\/net"/g;
const HTTP_IMPORT = /from "iocp\/http"/g;
let count = 0;

for (const file of files) {
  const examples = examplesOf(file);
  if (examples.length === 0) continue;
  count += examples.length;
  describe(`The examples of ${file} run`, () => {
    for (const { title, code } of examples) {
      test(title, async () => {
        using folder = new TemporaryFolder();
        const program = code.replaceAll(OWN_IMPORT, `from ${module}`)
          .replaceAll(NET_IMPORT, `from ${net}`)
          .replaceAll(HTTP_IMPORT, `from ${http}`);
        assert.notEqual(
          program,
          code,
          "the example does not import the module",
        );
        const path = folder.write("example.ts", program);
        using child = start(path);
        const { code: exit, signal, stderr } = await child.ended;
        /* The runtime may print warnings of its own to stderr. */
        assert.deepEqual([exit, signal], [0, null], `${code}\n${stderr}`);
      });
    }
  });
}

test("There are examples to run", () => {
  assert.ok(count > 10, `${count}`);
});
