// Copyright the iocp authors. MIT license.

import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { cellNames, openCell } from "../cells.js";
import { copy, makeProject, pack, serveSources } from "../package/project.js";
import {
  bunPath,
  cached,
  denoPath,
  describeEnd,
  ensureNodeModules,
  inTemporaryFolder,
  npm,
  repository,
  run,
  tscPath,
} from "../setup.js";

const quiet = { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" };
const denoRun = ["run", "--quiet", "--no-check", "--no-lock", "-A"];
const plainInstall = ["install", "--no-package-lock", "--ignore-scripts"];
const hasLibrary = ["linux", "win32"].includes(process.platform) &&
  process.arch === "x64";
const modules = join(repository, "node_modules");
const launcher = join("node_modules", "iocp", "bin", "iocp.js");

/**
 * What users get: the package is made, checked, installed into empty projects,
 * and used from there, from a URL, vendored, bundled and compiled, in each
 * cell. What cannot use it says why.
 */
export async function packageStage({ report, cells = cellNames }) {
  await ensureNodeModules();
  await inTemporaryFolder("iocp-package-", async (folder) => {
    const check = (what, work) => report.check(`package: ${what}`, work);
    const project = join(folder, "project");
    let tarball;
    const isMade = await check("made and installed by npm", async () => {
      tarball = await pack(folder);
      await makeProject(project);
      await npm([...plainInstall, tarball.path], project);
      return [];
    });
    if (!isMade) return;
    await checkContents(check, tarball);
    await checkTypes(check, project);
    await checkRefusals(check, project);
    if (!hasLibrary) return;
    await checkInstalls(check, project, tarball.path);
    const { url, close } = await serveSources();
    const ways = await makeWays(check, project, url);
    for (const name of cells) await useInCell(report, name, project, ways);
    close();
  });
}

const contents =
  /^(package\.json|README\.md|CHANGELOG\.md|LICENSE|bin\/iocp\.js|dist\/(mod|cli|src\/[\w/]+)\.js|dist\/(mod|src\/[\w/]+)\.d\.ts)$/;
const needed = ["bin/iocp.js", "dist/mod.js", "dist/mod.d.ts", "dist/cli.js"];

async function checkContents(check, { path, files }) {
  await check("no file is missing, none is too much", () => [
    ...files.filter((name) => !contents.test(name)),
    ...needed.filter((name) => !files.includes(name)),
  ]);
  const tool = (name, file, ...args) =>
    check(
      name,
      () => succeeds(process.execPath, [join(modules, file), ...args]),
    );
  await tool("publint", "publint/src/cli.js", "--strict", path);
  /* The package has ES modules alone, which both runtimes load. */
  const attw = "@arethetypeswrong/cli/dist/index.js";
  await tool("attw", attw, "--profile=esm-only", path);
  await check("deno publish --dry-run", () => {
    const args = ["publish", "--dry-run", "--allow-dirty"];
    const options = { cwd: repository };
    return succeeds(denoPath(), [...args, "--config=jsr.json"], options);
  });
}

// What `bun init` writes, and the strictest: all extend @tsconfig/strictest.
const bundler = { module: "Preserve", moduleResolution: "bundler" };
const nodeNext = { module: "NodeNext", moduleResolution: "NodeNext" };
const isolated = { isolatedDeclarations: true, declaration: true };
const strict = { ...isolated, lib: ["ES2022"], skipLibCheck: false };
const configurations = {
  "bun init": { ...bundler, lib: ["ESNext"], skipLibCheck: true },
  strictest: { ...bundler, ...strict },
  nodeNext: { ...nodeNext, ...strict },
};

async function checkTypes(check, project) {
  const path = join(project, "tsconfig.json");
  await copy("types/consumer.ts", join(project, "consumer.ts"), "iocp");
  for (const [name, options] of Object.entries(configurations)) {
    await check(`tsc, ${name}`, async () => {
      const compilerOptions = { types: [], noEmit: true, ...options };
      const parent = join(modules, "@tsconfig/strictest/tsconfig.json");
      const config = { extends: parent, compilerOptions };
      const text = JSON.stringify({ ...config, files: ["consumer.ts"] });
      await writeFile(path, text);
      return await succeeds(process.execPath, [tscPath(), "-p", path]);
    });
  }
  /* Deno would read the compiler's options from it. */
  await writeFile(path, "{}");
  await check("deno check", () => {
    const args = ["check", "--quiet", "--node-modules-dir=manual"];
    const options = { cwd: project };
    return succeeds(denoPath(), [...args, "consumer.ts"], options);
  });
}

// Versions that are too old: package, version, file, and the oldest that works.
const tooOld = [
  ["@deno/linux-x64-glibc", "2.0.0", "deno", "Deno 2.8"],
  ["@oven/bun-linux-x64", "1.1.0", "bin/bun", "Bun 1.4"],
];

// Where it cannot run, one sentence says so, and nothing fails before it.
async function checkRefusals(check, project) {
  const refuses = (what, says, file, ...args) =>
    check(`${what} says that it is not supported`, async () => {
      const { ok, output } = await start(await file(), args, { cwd: project });
      const text = `NotSupported: Cannot (use|load).* iocp.* ${says}`;
      return !ok && new RegExp(text).test(output) ? [] : [output];
    });
  const node = () => process.execPath;
  const args = ["--input-type=module", "--eval", 'import "iocp";'];
  await refuses("node", "in Node.js", node, ...args);
  if (!hasLibrary) {
    const says = `on \\w+: there is one for`;
    await refuses("deno", says, denoPath, ...denoRun, "use.ts");
    await refuses("bun", says, bunPath, "use.ts");
  } else if (process.platform === "linux") {
    for (const [name, version, file, oldest] of tooOld) {
      for (const path of ["use.ts", join(repository, "mod.ts")]) {
        const old = () => oldRuntime(name, version, file);
        const args = file === "deno" ? denoRun : [];
        const what = `${name} ${version}, ${path},`;
        await refuses(what, `${oldest} or newer\n`, old, ...args, path);
      }
    }
  }
}

async function oldRuntime(name, version, file) {
  const path = join("node_modules", name, file);
  const what = `old-${file.split("/").at(-1)}-${version}`;
  const folder = await cached(what, `${name} ${version}`, async (partial) => {
    await writeFile(join(partial, "package.json"), '{ "private": true }\n');
    await npm([...plainInstall, `${name}@${version}`], partial);
    /* Some are packed without the right to run, which a script sets. */
    await chmod(join(partial, path), 0o755);
  });
  return join(folder, path);
}

async function checkInstalls(check, project, tarball) {
  await check("installed by bun add", async () => {
    const cwd = join(project, "..", "bun");
    await makeProject(cwd);
    const env = { BUN_INSTALL_CACHE_DIR: join(cwd, ".cache") };
    const problems = await succeeds(bunPath(), ["add", tarball], { cwd, env });
    return problems.length > 0
      ? problems
      : works(await start(bunPath(), ["use.ts"], { cwd }));
  });
  /* npx starts it with node, which looks for a runtime. */
  for (const [name, path] of [["deno", denoPath()], ["bun", bunPath()]]) {
    await check(`npx iocp doctor, with ${name}`, async () => {
      const env = { PATH: join(path, ".."), Path: join(path, "..") };
      const args = [join(project, launcher), "doctor"];
      return works(await start(process.execPath, args, { env }));
    });
  }
}

// Each way to use the package is made once, by the native runtimes, and used in
// every cell. Returns them: title, arguments, and the runtime if it is only one.
async function makeWays(check, project, url) {
  const { build } = await import("esbuild");
  const cwd = project;
  const ways = [
    ["installed", ["use.ts"]],
    ["iocp doctor", [launcher, "doctor"]],
    ["an npm: specifier", ["use_npm.ts"], "deno"],
    ["a URL", ["use_url.ts"], "deno"],
    ["iocp doctor from a URL", [`${url}/cli.ts`, "doctor"], "deno"],
  ];
  await copy("package/use.ts", join(project, "use_npm.ts"), "npm:iocp");
  await copy("package/use.ts", join(project, "use_url.ts"), `${url}/mod.ts`);
  /* In each format the module is elsewhere: cjs and iife have no
   * import.meta.url. */
  for (const format of ["esm", "cjs", "iife"]) {
    const file = `${format}.${format === "cjs" ? "cjs" : "js"}`;
    const outfile = join("dist", file);
    ways.push([`esbuild, ${format}`, [outfile]]);
    await check(`esbuild, ${format}`, async () => {
      await build({
        ...{ absWorkingDir: cwd, entryPoints: ["use.ts"], bundle: true },
        ...{ platform: "node", logLevel: "silent", outfile, format },
        minify: format !== "esm",
      });
      return [];
    });
    const own = join("dist", `bun_${file}`);
    ways.push([`bun build, ${format}`, [own], "bun"]);
    await check(`bun build, ${format}`, () => {
      return bunBuild(project, own, `--format=${format}`);
    });
  }
  ways.push(["blob: and data: modules", ["places.ts"]]);
  await copy("package/places.ts", join(project, "places.ts"));
  const bundle = join("dist", "deno_bundle.js");
  ways.push(["deno bundle", [bundle], "deno"]);
  await check("deno bundle", () => {
    const args = ["bundle", "--quiet", "--no-lock", "-o", bundle, "use.ts"];
    return succeeds(denoPath(), args, { cwd });
  });
  /* The cache of the one that runs it is empty: all is in the project. */
  const vendored = join("vendored", "use.ts");
  ways.push(["vendored", ["--cached-only", vendored], "deno"]);
  await mkdir(join(project, "vendored"));
  await writeFile(join(project, "vendored/deno.json"), '{ "vendor": true }');
  await copy("package/use.ts", join(project, vendored), `${url}/mod.ts`);
  await check("deno install, vendored", () => {
    const args = ["install", "--allow-import", "--entrypoint", "use.ts"];
    const env = { DENO_DIR: join(project, "vendored", "cache") };
    return succeeds(denoPath(), args, { cwd: join(project, "vendored"), env });
  });
  /* What would be in the way of a search beside the module. */
  await writeFile(join(project, "ffi"), "not a folder");
  return ways;
}

function bunBuild(project, file, ...options) {
  const args = ["build", "--target=bun", ...options, "use.ts"];
  const output = `--outfile=${join(project, file)}`;
  return succeeds(bunPath(), [...args, output], { cwd: project });
}

async function useInCell(report, name, project, ways) {
  const title = `package: ${name.replace("-", " ")}`;
  const { cell, reason } = await openCell(name);
  if (!cell) {
    const allowed = process.platform !== "linux";
    report.missing(title, reason, { allowed });
    return;
  }
  const { runtime } = cell;
  for (const [what, args, only] of ways) {
    if (only !== undefined && only !== runtime) continue;
    await report.check(`${title}, ${what}`, async () => {
      const first = runtime === "deno" ? denoRun : [];
      const isVendored = what === "vendored";
      const cache = join(project, "..", `${name}${isVendored ? "-empty" : ""}`);
      const env = { IOCP_LIBRARY: "", DENO_DIR: cell.path(cache) };
      const options = { cwd: project, timeout: 300_000, env };
      return works(await cell.run([...first, ...args], options));
    });
  }
  await compile(report, title, cell, project);
}

// Made for the system of the cell by the native runtimes.
async function compile(report, title, cell, cwd) {
  const { runtime, system, program } = cell;
  const isDeno = runtime === "deno";
  const windows = system === "windows";
  const what = `${title}, compiled by ${runtime}`;
  if (isDeno && process.env.GITHUB_ACTIONS !== "true") {
    const why = "its runtime is downloaded, which the hosted workflow does";
    report.missing(what, why, { allowed: true });
    return;
  }
  const file = `${runtime}_compiled${windows ? ".exe" : ""}`;
  const triple = `x86_64-${windows ? "pc-windows-msvc" : "unknown-linux-gnu"}`;
  await report.check(what, async () => {
    const problems = isDeno
      ? await succeeds(denoPath(), [
        ...["compile", "--quiet", "--no-check", "--no-lock", "-A"],
        ...[`--target=${triple}`, "-o", file, "use.ts"],
      ], { cwd })
      : await bunBuild(cwd, file, ...[
        ...["--compile", "--minify", `--target=bun-${system}-x64`],
        `--compile-executable-path=${program}`,
      ]);
    if (problems.length > 0) return problems;
    const options = { cwd, timeout: 300_000, env: { IOCP_LIBRARY: "" } };
    return works(await cell.runProgram(join(cwd, file), [], options));
  });
}

function start(file, args, options = {}) {
  const env = { ...process.env, ...quiet, ...options.env };
  return run(file, args, { timeout: 300_000, ...options, env });
}

async function succeeds(file, args, options) {
  const result = await start(file, args, options);
  return result.ok ? [] : [`${result.output}${describeEnd(result)}`];
}

const says = /^works$|^Everything that was checked works\./m;

function works(result) {
  if (result.ok && says.test(result.stdout)) return [];
  return [`${result.output}${describeEnd(result)}`];
}
