// Copyright the iocp authors. MIT license.
/* The error in runtimes that cannot run the module. `npm test -- --stage package`
 * tests that real runtimes throw it first. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  obstacle,
  OLDEST,
  type Surroundings,
} from "../src/runtime/requirements.ts";
import { repositoryPath } from "./shared/files.ts";

const process = { versions: { node: "24.3.0" }, getBuiltinModule() {} };
const dlopen = () => {};

function deno(version: string): Surroundings {
  return { Deno: { version: { deno: version }, dlopen }, process };
}
function bun(version: string): Surroundings {
  return { Bun: { version }, process };
}

test("obstacle() returns undefined in the current runtime", () => {
  assert.equal(obstacle(globalThis as Surroundings), undefined);
});

test("obstacle() returns undefined in versions that are new enough", () => {
  for (const version of ["2.8.0", "2.10.1", "3.0.0", "2.8.0-rc.1", "10.0.0"]) {
    assert.equal(obstacle(deno(version)), undefined, version);
  }
  for (const version of ["1.4.0", "1.10.0", "2.0.0", "1.4.1-canary.9"]) {
    assert.equal(obstacle(bun(version)), undefined, version);
  }
});

test("obstacle() says which version is needed", () => {
  for (const version of ["1.46.3", "2.0.0", "2.7.14", "0.9.0"]) {
    /* Old versions lack members of newer ones. */
    for (const rest of [{ process }, { process: {} }, {}]) {
      const globals = { Deno: { version: { deno: version } }, ...rest };
      assert.equal(
        obstacle(globals),
        `Cannot use iocp in Deno ${version}: it needs Deno 2.8 or newer`,
      );
    }
  }
  for (const version of ["0.8.1", "1.0.0", "1.1.45", "1.3.14"]) {
    assert.equal(
      obstacle({ Bun: { version }, process: { versions: { node: "22.0.0" } } }),
      `Cannot use iocp in Bun ${version}: it needs Bun 1.4 or newer`,
    );
  }
});

test("obstacle() names other runtimes and what they lack", () => {
  const needs = "it needs the FFI of Deno 2.8 or newer, or of Bun 1.4 or newer";
  const table: [Surroundings, string][] = [
    [{ process: { versions: { node: "20.1.0" } } }, "Node.js 20.1.0"],
    [{ process, navigator: { userAgent: "Node.js/26" } }, "Node.js 24.3.0"],
    [
      { navigator: { userAgent: "Mozilla/5.0 (X11; Linux x86_64)" } },
      "a browser",
    ],
    [{ navigator: { userAgent: "Cloudflare-Workers" } }, "Cloudflare-Workers"],
    [{ process: {} }, "this runtime"],
    [{}, "this runtime"],
    [{ Deno: {}, Bun: {} }, "this runtime"],
  ];
  for (const [globals, name] of table) {
    assert.equal(obstacle(globals), `Cannot use iocp in ${name}: ${needs}`);
  }
});

test("obstacle() says what a restricted host lacks", () => {
  const hosted = { Deno: { version: { deno: "2.9.0" } }, process };
  assert.match(obstacle(hosted)!, /^Cannot use iocp in Deno 2\.9\.0: .*dlopen/);
  const bare = { Bun: { version: "1.4.0" }, process: {} };
  assert.match(obstacle(bare)!, /Bun 1\.4\.0: .*process\.getBuiltinModule/);
});

test("package.json requires the same versions", () => {
  const { engines } = JSON.parse(
    readFileSync(repositoryPath("package.json"), "utf8"),
  );
  assert.deepEqual(engines, {
    deno: `>=${OLDEST.Deno}.0`,
    bun: `>=${OLDEST.Bun}.0`,
  });
});
