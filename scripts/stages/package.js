// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import process from "node:process";
import { cellNames, denoRun, openCell } from "../cells.js";
import { copy, makeProject, pack, serveSources } from "../package/project.js";
import { once, repository } from "../setup/cache.js";
import { argv, describeEnd, run } from "../setup/command.js";
import { inTemporaryFolder } from "../setup/folder.js";
import {
  bunPath,
  cachedPackages,
  denoPath,
  ensureNodeModules,
  npm,
  tscPath,
} from "../setup/node_modules.js";

const node = process.execPath;
const modules = join(repository, "node_modules");
const launcher = join("node_modules", "iocp", "bin", "iocp.js");
const plainInstall = argv`install --no-package-lock --ignore-scripts`;
const hasLibrary = ["linux", "win32"].includes(process.platform) &&
  process.arch === "x64";

/**
 * What users get: the package is made, checked, installed into empty projects,
 * and used from there, from a URL, vendored, bundled and compiled, in each
 * cell. Runtimes and systems that are not supported are refused.
 */
export async function packageStage({ report, jobs, cells = cellNames }) {
  await ensureNodeModules();
  await inTemporaryFolder("iocp-package-", async (folder) => {
    const project = join(folder, "project");
    const check = (checks) => report.checks(jobs, checks, "package: ");
    let tarball;
    const [isMade] = await check({
      "made and installed by npm": async () => {
        tarball = await pack(folder);
        await makeProject(project);
        await npm([...plainInstall, tarball.path], project);
      },
    });
    if (!isMade) return;
    const own = { ...contents(tarball), ...types(project) };
    await check({ ...own, ...refusals(project) });
    if (!hasLibrary) return;
    await check(installs(project, tarball.path));
    const { url, close } = await serveSources();
    const { ways, checks } = await waysToUse(project, url);
    await check(checks);
    for (const name of cells) {
      const title = `package: ${name.replace("-", " ")}, `;
      const { cell, reason } = await openCell(name);
      if (!cell) report.missing(`${title}all`, reason);
      else await report.checks(jobs, uses(cell, project, ways), title);
      if (!cell || canCompile(cell)) continue;
      report.missing(`${title}deno compile`, noDenort, { allowed: true });
    }
    close();
  });
}

const published =
  /^(package\.json|README\.md|CHANGELOG\.md|LICENSE|bin\/iocp\.js|dist\/(mod|cli|http|net|net_register|src\/[\w/]+)\.js|dist\/(mod|http|net|src\/[\w/]+)\.d\.ts)$/;
const needed = ["bin/iocp.js", "dist/mod.js", "dist/mod.d.ts", "dist/cli.js"];

function contents({ path, files }) {
  const publint = join(modules, "publint/src/cli.js");
  const attw = join(modules, "@arethetypeswrong/cli/dist/index.js");
  /* The types are checked by another stage, "slow types" here all the same. */
  const jsr =
    argv`publish --dry-run --allow-dirty --no-check --config=jsr.json`;
  return {
    "no file is missing, none is too much": () => [
      ...files.filter((name) => !published.test(name)),
      ...needed.filter((name) => !files.includes(name)),
    ],
    publint: () => succeeds(node, argv`${publint} --strict ${path}`),
    /* The package has ES modules alone, which both runtimes load. */
    attw: () => succeeds(node, argv`${attw} --profile=esm-only ${path}`),
    "deno publish": () => succeeds(denoPath(), jsr, { cwd: repository }),
  };
}

// The options of `bun init` that matter, and the strictest; all extend
// @tsconfig/strictest.
const bundler = argv`--module Preserve --moduleResolution bundler`;
const nodeNext = argv`--module NodeNext --moduleResolution NodeNext`;
const strict = argv`--isolatedDeclarations --declaration --lib ES2022
  --skipLibCheck false`;
const configurations = {
  "bun init": argv`${bundler} --lib ESNext --skipLibCheck`,
  strictest: [...bundler, ...strict],
  nodeNext: [...nodeNext, ...strict],
};

function types(cwd) {
  const consumer = once(async () => {
    const strictest = join(modules, "@tsconfig/strictest/tsconfig.json");
    const compilerOptions = { types: [], noEmit: true };
    const config = {
      extends: strictest,
      compilerOptions,
      files: ["consumer.ts"],
    };
    await writeFile(join(cwd, "consumer.json"), JSON.stringify(config));
    await copy("types/consumer.ts", join(cwd, "consumer.ts"), "iocp");
  });
  const check = (program, args) => async () => {
    await consumer();
    return await succeeds(program, args, { cwd });
  };
  const deno = argv`check --quiet --node-modules-dir=manual consumer.ts`;
  const checks = { "deno check": check(denoPath(), deno) };
  for (const [name, options] of Object.entries(configurations)) {
    const args = argv`${tscPath()} -p consumer.json ${options}`;
    checks[`tsc, ${name}`] = check(node, args);
  }
  return checks;
}

// Versions that are too old: package, version, file, and the oldest that works.
const tooOld = [
  ["@deno/linux-x64-glibc", "2.0.0", "deno", "Deno 2.8"],
  ["@oven/bun-linux-x64", "1.1.0", "bin/bun", "Bun 1.4"],
];

// One sentence refuses a runtime or system that is not supported.
function refusals(cwd) {
  const checks = {};
  const add = (what, says, program, ...args) => {
    const text = `(NotSupported:|runtime +) *Cannot .*iocp.* ${says}`;
    checks[`${what} is refused`] = async () => {
      const { ok, output } = await start(await program(), args, { cwd });
      assert.ok(!ok && new RegExp(text).test(output), output);
    };
  };
  const program = argv`--input-type=module --eval ${'import "iocp";'}`;
  add("node", "in Node.js", () => node, ...program);
  if (!hasLibrary) {
    add("deno", `on \\w+: `, denoPath, ...denoRun, "use.ts");
    add("bun", `on \\w+: `, bunPath, "use.ts");
  } else if (process.platform === "linux") {
    const [cli, mod] = ["cli.ts", "mod.ts"].map((n) => join(repository, n));
    const programs = { use: ["use.ts"], cli: [cli, "doctor"], mod: [mod] };
    for (const [name, version, file, oldest] of tooOld) {
      const old = once(() => oldRuntime(name, version, file));
      const flags = file === "deno" ? denoRun : [];
      for (const [key, args] of Object.entries(programs)) {
        const what = `${name} ${version}, ${key}.ts,`;
        add(what, `${oldest} or newer\n`, old, ...flags, ...args);
      }
    }
  }
  return checks;
}

async function oldRuntime(name, version, file) {
  const what = `old-${file.split("/").at(-1)}-${version}`;
  const packages = await cachedPackages(what, [`${name}@${version}`]);
  const path = join(packages, name, file);
  /* Some are packed without the permission to run, which a script sets. */
  await chmod(path, 0o755);
  return path;
}

function installs(project, tarball) {
  const [deno, bun] = [dirname(denoPath()), dirname(bunPath())];
  /* npx and bunx start it with node, which looks for a runtime. */
  const launches = (runtime, npm_config_user_agent, PATH) => async () => {
    const env = { npm_config_user_agent, PATH, Path: PATH };
    const args = argv`${join(project, launcher)} doctor`;
    const result = await start(node, args, { env });
    works(result);
    assert.match(result.output, new RegExp(` ${runtime} `));
  };
  return {
    "bun add": async () => {
      const cwd = join(project, "..", "bun");
      await makeProject(cwd);
      const env = { BUN_INSTALL_CACHE_DIR: join(cwd, ".cache") };
      await succeeds(bunPath(), ["add", tarball], { cwd, env });
      return works(await start(bunPath(), ["use.ts"], { cwd }));
    },
    "npx, with Deno": launches("Deno", "npm/10", deno),
    "npx, with Bun": launches("Bun", "npm/10", bun),
    bunx: launches("Bun", "bun/1", [deno, bun].join(delimiter)),
  };
}

// Each way to use the package is made once, by the native runtimes, and used in
// every cell: its arguments, and the runtime if there is only one.
async function waysToUse(cwd, url) {
  const { build } = await import("esbuild");
  const bundle = join("dist", "deno_bundle.js");
  const vendored = join(cwd, "vendored");
  await mkdir(vendored);
  await writeFile(join(vendored, "deno.json"), '{ "vendor": true }');
  await copy("package/use.ts", join(vendored, "use.ts"), `${url}/mod.ts`);
  await copy("package/use.ts", join(cwd, "use_url.ts"), `${url}/mod.ts`);
  await copy("package/use.ts", join(cwd, "use_npm.ts"), "npm:iocp");
  await copy("package/places.ts", join(cwd, "places.ts"));
  /* It must not disturb the search for the library near a bundle. */
  await writeFile(join(cwd, "ffi"), "not a folder");
  const ways = {
    installed: [["use.ts"]],
    "iocp doctor": [[launcher, "doctor"]],
    "an npm: specifier": [["use_npm.ts"], "deno"],
    "npm:iocp doctor": [["npm:iocp", "doctor"], "deno"],
    "a URL": [["use_url.ts"], "deno"],
    "iocp doctor from a URL": [[`${url}/cli.ts`, "doctor"], "deno"],
    vendored: [["--cached-only", join("vendored", "use.ts")], "deno"],
    "deno bundle": [[bundle], "deno"],
    "blob: and data: modules": [["places.ts"]],
  };
  const bundled = argv`bundle --quiet --no-lock -o ${bundle} use.ts`;
  const install = argv`install --allow-import --entrypoint use.ts`;
  const env = { DENO_DIR: join(vendored, "cache") };
  const checks = {
    "deno bundle": () => succeeds(denoPath(), bundled, { cwd }),
    "deno install": () => succeeds(denoPath(), install, { cwd: vendored, env }),
  };
  /* The module has no import.meta.url in cjs and iife. */
  for (const format of ["esm", "cjs", "iife"]) {
    const file = `${format}.${format === "cjs" ? "cjs" : "js"}`;
    const outfile = join("dist", file);
    ways[`esbuild, ${format}`] = [[outfile]];
    checks[`esbuild, ${format}`] = async () => {
      await build({
        ...{ absWorkingDir: cwd, entryPoints: ["use.ts"], bundle: true },
        ...{ platform: "node", logLevel: "silent", outfile, format },
        minify: format !== "esm",
      });
      await hasEffects(join(cwd, outfile));
    };
    const own = join("dist", `bun_${file}`);
    ways[`bun build, ${format}`] = [[own], "bun"];
    checks[`bun build, ${format}`] = async () => {
      await bunBuild(cwd, own, `--format=${format}`);
      await hasEffects(join(cwd, own));
    };
  }
  return { ways, checks };
}

// What the import of the module does, in src/loop/preload.ts, has no exports, so a
// bundler would leave it out of a package whose modules have no side effects.
async function hasEffects(path) {
  const isThere = (await readFile(path, "utf8")).includes(".makeResident()");
  assert.ok(isThere, `${path} lacks src/loop/preload.ts`);
}

function bunBuild(cwd, file, ...options) {
  const output = `--outfile=${join(cwd, file)}`;
  const args = argv`build --target=bun ${options} use.ts ${output}`;
  return succeeds(bunPath(), args, { cwd });
}

function uses(cell, cwd, ways) {
  const { name, runtime, flags } = cell;
  const checks = {};
  for (const [what, [args, only = runtime]] of Object.entries(ways)) {
    if (only !== runtime) continue;
    /* What is vendored works with an empty cache. */
    const kind = what === "vendored" ? "-empty" : "";
    const DENO_DIR = cell.path(join(cwd, "..", `${name}${kind}`));
    const options = { cwd, timeout, env: { IOCP_LIBRARY: "", DENO_DIR } };
    checks[what] = async () =>
      works(await cell.run([...flags, ...args], options));
  }
  if (canCompile(cell)) {
    checks[`${runtime} compile`] = () => compile(cell, cwd);
  }
  return checks;
}

const noDenort =
  "Deno downloads denort, which is in no registry: the hosted workflow runs it";

function canCompile({ runtime }) {
  return runtime === "bun" || process.env.GITHUB_ACTIONS === "true";
}

// Made for the system of the cell by the native runtimes.
async function compile(cell, cwd) {
  const { runtime, system, program } = cell;
  const windows = system === "windows";
  const file = `${runtime}_compiled${windows ? ".exe" : ""}`;
  const triple = `x86_64-${windows ? "pc-windows-msvc" : "unknown-linux-gnu"}`;
  const deno =
    argv`compile --quiet --no-check --no-lock -A --target=${triple} -o ${file} use.ts`;
  const bun =
    argv`--compile --minify --target=bun-${system}-x64 --compile-executable-path=${program}`;
  if (runtime === "deno") await succeeds(denoPath(), deno, { cwd });
  else await bunBuild(cwd, file, ...bun);
  const options = { cwd, timeout, env: { IOCP_LIBRARY: "" } };
  return works(await cell.runProgram(join(cwd, file), [], options));
}

const timeout = 300_000;
const quiet = { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" };

function start(file, args, options = {}) {
  const env = { ...process.env, ...quiet, ...options.env };
  return run(file, args, { timeout, ...options, env });
}

async function succeeds(file, args, options) {
  const result = await start(file, args, options);
  assert.ok(result.ok, `${result.output}${describeEnd(result)}`);
}

const success = /^works$|^Everything that was checked works\./m;

function works(result) {
  assert.ok(result.ok, `${result.output}${describeEnd(result)}`);
  assert.match(result.stdout, success);
}
