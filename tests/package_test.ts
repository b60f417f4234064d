// Copyright the iocp authors. MIT license.
/* The manifests of the package, and the workflows. */

import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { parse } from "yaml";
import { VERSION } from "../src/version.ts";
import { repositoryPath } from "./shared/files.ts";
import { readText } from "./shared/header.ts";

interface Manifest {
  name: string;
  version: string;
  license: string;
  exports: Record<string, unknown>;
  imports: Record<string, string>;
  publish: { include: string[] };
  scripts: Record<string, string>;
  engines: Record<string, string>;
  files: string[];
  bin: string;
}

interface Step {
  uses?: string;
  run?: string;
}
interface Workflow {
  permissions: Record<string, string>;
  jobs: Record<string, {
    permissions?: Record<string, string>;
    "timeout-minutes": number;
    steps: Step[];
  }>;
}

function manifest(name: string): Manifest {
  return JSON.parse(readText(name)) as Manifest;
}

const npm = manifest("package.json");
const deno = manifest("deno.json");
const jsr = manifest("jsr.json");

const WORKFLOWS = ".github/workflows";
const workflows = readdirSync(repositoryPath(WORKFLOWS)).map((name) => ({
  name,
  text: readText(`${WORKFLOWS}/${name}`),
}));

/* The jobs with more permissions than to read the sources. */
const PERMISSIONS: Record<string, Record<string, string>> = {
  "release.yml npm": { contents: "read", "id-token": "write" },
  "release.yml jsr": { contents: "read", "id-token": "write" },
  "release.yml github": { contents: "write" },
};

test("All files have the same version", () => {
  const lock = manifest("package-lock.json");
  for (const { version } of [npm, deno, jsr, lock]) {
    assert.equal(version, VERSION);
  }
  const [, newest] = /^## (\d+\.\d+\.\d+\S*)/m.exec(readText("CHANGELOG.md"))!;
  assert.equal(newest!.replace(/,$/, ""), VERSION);
});

test("deno.json and jsr.json describe the same package", () => {
  const { imports: _, ...rest } = deno;
  for (const key of ["name", "license", "exports", "publish"] as const) {
    assert.deepEqual(rest[key], jsr[key], key);
  }
  assert.equal(npm.license, jsr.license);
  for (const path of Object.values(jsr.exports)) {
    assert.ok(existsSync(repositoryPath(`${path}`)), `${path}`);
  }
});

test("All published files exist", () => {
  const made = ["dist"];
  for (const name of [...jsr.publish.include, ...npm.files, npm.bin]) {
    if (!made.includes(name)) assert.ok(existsSync(repositoryPath(name)), name);
  }
});

test("There are workflows", () => {
  const names = workflows.map(({ name }) => name).sort();
  assert.deepEqual(names, ["ci.yml", "release.yml"]);
});

for (const { name, text } of workflows) {
  const { permissions, jobs } = parse(text) as Workflow;
  const steps = Object.values(jobs).flatMap((job) => job.steps);

  test(`${name} pins every action by a commit and its version`, () => {
    const uses = steps.filter((step) => step.uses !== undefined);
    assert.ok(uses.length > 0);
    const lines = text.match(/^.*\buses:.*$/gm) ?? [];
    assert.equal(lines.length, uses.length);
    for (const line of lines) {
      assert.match(line, /uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    }
  });

  test(`${name} calls existing scripts`, () => {
    const calls = steps.flatMap(({ run = "" }) => [
      ...run.matchAll(/\bnpm (?:(run)(?: -s)? )?([\w:]+)/g),
    ]);
    assert.ok(calls.length > 0);
    const own = ["test", "pack", "publish"];
    for (const [call, run, script] of calls) {
      if (run === undefined) assert.ok(own.includes(script!), call);
      else assert.ok(script! in npm.scripts, call);
    }
    for (const { run = "" } of steps) {
      const named = [...run.matchAll(/\b(?:scripts|ffi)\/[\w/]+\.js\b/g)];
      for (const [path] of named) {
        assert.ok(existsSync(repositoryPath(path)), path);
      }
    }
  });

  test(`${name} has no more permissions than it needs`, () => {
    assert.deepEqual(permissions, { contents: "read" });
    for (
      const [job, { permissions: own = {}, ...rest }] of Object.entries(jobs)
    ) {
      assert.ok(rest["timeout-minutes"] > 0);
      assert.deepEqual(own, PERMISSIONS[`${name} ${job}`] ?? {}, job);
    }
    /* Publishing authenticates by the identity of the workflow, without secrets. */
    assert.doesNotMatch(text, /\bsecrets\./);
  });
}
