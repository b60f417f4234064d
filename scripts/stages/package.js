// Copyright the iocp authors. MIT license.

import {
  chmod,
  copyFile,
  mkdir,
  readdir,
  readFile,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import { buildPackage } from "../build_package.js";
import { cellNames, openCell } from "../cells.js";
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

// Versions that are too old, and what they are to say.
const tooOld = {
  deno: { version: "2.0.0", says: /^NotSupported: .* Deno 2\.8 or newer$/m },
  bun: { version: "1.1.0", says: /NotSupported: .* Bun 1\.4 or newer$/m },
};

/**
 * What users get: the package is made, installed into an empty project, and
 * used from there, as it is and bundled, in each cell; and what cannot use it
 * says why.
 */
export async function packageStage({ report, cells }) {
  await ensureNodeModules();
  await inTemporaryFolder("iocp-package-", async (folder) => {
    const project = join(folder, "project");
    const name = "package: made, and installed into an empty project";
    const isInstalled = await report.check(name, () => install(project));
    if (!isInstalled) return;
    await checkTypes(report, project);
    await refuse(report, project);
    const bundles = await makeBundles(report, project);
    for (const cell of cells ?? cellNames) {
      await useInCell(report, cell, project, bundles);
    }
  });
}

async function install(project) {
  await mkdir(project, { recursive: true });
  const scripts = join(repository, "scripts");
  const manifest = { name: "project", private: true, type: "module" };
  await writeFile(join(project, "package.json"), JSON.stringify(manifest));
  await buildPackage();
  /* The build was ours, whatever the user's npm does about scripts. */
  const quiet = ["--ignore-scripts", "--no-audit", "--no-fund"];
  await npm(
    ["pack", "--pack-destination", dirname(project), ...quiet],
    repository,
  );
  const names = await readdir(dirname(project));
  const tarball = names.find((name) => name.endsWith(".tgz"));
  const path = join(dirname(project), tarball);
  await npm(["install", "--no-package-lock", path, ...quiet], project);
  const consumer = await readFile(
    join(scripts, "types", "consumer.ts"),
    "utf8",
  );
  await writeFile(
    join(project, "consumer.ts"),
    consumer.replace("../../mod.ts", "iocp"),
  );
  for (const from of ["iocp", "npm:iocp"]) {
    const program = await readFile(join(scripts, "package", "use.ts"), "utf8");
    const file = from === "iocp" ? "use.ts" : "use_npm.ts";
    await writeFile(join(project, file), program.replace("../../mod.ts", from));
  }
  const left = await readFile(
    join(project, "node_modules", "iocp", "dist", "mod.d.ts"),
    "utf8",
  );
  return /from ".*\.ts"/.test(left.replace(/^ \*.*$/gm, ""))
    ? ["a declaration imports TypeScript"]
    : [];
}

// The configuration that `bun init` writes, and the strictest one.
const bunInit = {
  lib: ["ESNext"],
  target: "ESNext",
  module: "Preserve",
  moduleDetection: "force",
  moduleResolution: "bundler",
  allowImportingTsExtensions: true,
  verbatimModuleSyntax: true,
  noEmit: true,
  strict: true,
  skipLibCheck: true,
  noFallthroughCasesInSwitch: true,
  noUncheckedIndexedAccess: true,
  noImplicitOverride: true,
};
const strictest = {
  ...bunInit,
  lib: ["ES2022"],
  skipLibCheck: false,
  exactOptionalPropertyTypes: true,
  isolatedDeclarations: true,
  declaration: true,
  noPropertyAccessFromIndexSignature: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
};
const nodeNext = {
  ...strictest,
  allowImportingTsExtensions: false,
  module: "NodeNext",
  moduleResolution: "NodeNext",
};

async function checkTypes(report, project) {
  const configurations = { "bun init": bunInit, strictest, nodeNext };
  for (const [name, options] of Object.entries(configurations)) {
    await report.check(`package: tsc, ${name}`, async () => {
      const compilerOptions = { types: [], ...options };
      const config = { compilerOptions, files: ["consumer.ts"] };
      const path = join(project, "tsconfig.json");
      await writeFile(path, JSON.stringify(config));
      return await outcome(process.execPath, [tscPath(), "-p", path]);
    });
  }
  await report.check("package: deno check", async () => {
    /* Deno would read the compiler's options from it. */
    await writeFile(join(project, "tsconfig.json"), "{}");
    const args = [
      "check",
      "--quiet",
      "--node-modules-dir=manual",
      "consumer.ts",
    ];
    return await outcome(denoPath(), args, { cwd: project });
  });
}

// Where it cannot run, one sentence says so, and nothing fails before it.
async function refuse(report, project) {
  await report.check(
    "package: node says that it is not supported",
    async () => {
      const args = ["--input-type=module", "--eval", 'import "iocp";'];
      const { output } = await run(process.execPath, args, { cwd: project });
      const says =
        /^NotSupported: Cannot use iocp in Node\.js \d+\.\d+\.\d+: .*/m;
      return says.test(output) ? [] : [output];
    },
  );
  if (process.platform !== "linux" || process.arch !== "x64") return;
  for (const [runtime, { version, says }] of Object.entries(tooOld)) {
    const name = `package: ${runtime} ${version} says which version is needed`;
    await report.check(name, async () => {
      const program = await oldRuntime(runtime, version);
      const args = runtime === "deno"
        ? ["run", "--quiet", "-A", "--no-check"]
        : [];
      const problems = [];
      for (
        const path of [join(project, "use.ts"), join(repository, "mod.ts")]
      ) {
        const env = { ...process.env, ...quietRuntimes };
        const all = [...args, path];
        const { output } = await run(program, all, { cwd: project, env });
        /* Deno says what kind of failure it was ahead of it. */
        if (!says.test(output.replace(/^.*Uncaught \(in promise\) /m, ""))) {
          problems.push(`${path}: ${output}`);
        }
      }
      return problems;
    });
  }
}

async function oldRuntime(runtime, version) {
  const [scope, file] = runtime === "deno"
    ? ["@deno/linux-x64-glibc", "deno"]
    : ["@oven/bun-linux-x64", "bin/bun"];
  const what = `${runtime} ${version}`;
  const path = join("node_modules", scope, file);
  const folder = await cached(
    `old-${runtime}-${version}`,
    what,
    async (partial) => {
      await writeFile(join(partial, "package.json"), '{ "private": true }\n');
      const quiet = ["--ignore-scripts", "--no-audit", "--no-fund"];
      const name = `${scope}@${version}`;
      await npm(["install", "--no-package-lock", ...quiet, name], partial);
      /* Some are packed without the right to run, which a script gives. */
      await chmod(join(partial, path), 0o755);
    },
  );
  return join(folder, path);
}

// Each format is a different place for the module: cjs and iife have no
// import.meta.url. Returns the names of the files.
async function makeBundles(report, project) {
  const bundles = [];
  await report.check("package: esbuild makes bundles", async () => {
    const { build } = await import("esbuild");
    for (const format of ["esm", "cjs", "iife"]) {
      for (const minify of [false, true]) {
        const name = `${format}${minify ? "_min" : ""}`;
        const file = `${name}.${format === "cjs" ? "cjs" : "js"}`;
        await build({
          absWorkingDir: project,
          entryPoints: ["use.ts"],
          bundle: true,
          platform: "node",
          logLevel: "silent",
          outfile: join("dist", file),
          format,
          minify,
        });
        bundles.push(file);
      }
    }
    /* What is in the way of a search beside the module. */
    await writeFile(join(project, "ffi"), "not a folder");
    return [];
  });
  return bundles;
}

async function useInCell(report, name, project, bundles) {
  const { cell, reason } = await openCell(name);
  const title = `package: ${name.replace("-", " ")}`;
  if (!cell) {
    report.missing(title, reason, { allowed: process.platform === "win32" });
    return;
  }
  const check = (what, work) => report.check(`${title}, ${what}`, work);
  const isDeno = cell.runtime === "deno";
  const start = isDeno
    ? ["run", "--quiet", "--no-check", "--no-lock", "-A"]
    : [];
  const use = (file) => {
    const path = cell.path(join(project, file));
    return works(cell.run([...start, path], options(project)));
  };
  await check("installed", () => use("use.ts"));
  if (isDeno) await check("as an npm: specifier", () => use("use_npm.ts"));
  for (const file of bundles) {
    await check(`bundled as ${file}`, () => use(join("dist", file)));
  }
  await check("as blob: and data: modules", async () => {
    const from = join(repository, "scripts", "package", "places.ts");
    await copyFile(from, join(project, "places.ts"));
    return await use("places.ts");
  });
  if (isDeno) {
    await check("deno bundle", async () => {
      /* It is made by the native Deno: the other has no esbuild of its own. */
      const output = join(project, "dist", "deno_bundle.js");
      const args = ["bundle", "--quiet", "--no-lock", "-o", output, "use.ts"];
      const problems = await outcome(denoPath(), args, { cwd: project });
      if (problems.length > 0) return problems;
      return await use(join("dist", "deno_bundle.js"));
    });
    return;
  }
  for (const format of ["esm", "cjs", "iife"]) {
    await check(`bun build, ${format}`, async () => {
      const extension = format === "cjs" ? "cjs" : "js";
      const file = join("dist", `bun_${format}.${extension}`);
      const problems = await bunBuild(project, file, [`--format=${format}`]);
      return problems.length > 0 ? problems : await use(file);
    });
  }
  await check("bun build --compile", () => compiled(cell, project));
}

// Made by the native Bun: Wine does not let the other write its files.
async function bunBuild(project, file, more) {
  const output = `--outfile=${join(project, file)}`;
  const args = ["build", "--target=bun", ...more, "use.ts", output];
  return await outcome(bunPath(), args, { cwd: project });
}

async function compiled(cell, project) {
  const windows = cell.system === "windows";
  const file = windows ? "compiled.exe" : "compiled";
  const target = `--target=bun-${cell.system}-x64`;
  const base = `--compile-executable-path=${cell.program}`;
  const args = ["--compile", "--minify", target, base];
  const problems = await bunBuild(project, file, args);
  if (problems.length > 0) return problems;
  const path = join(project, file);
  return await works(cell.runProgram(path, [], options(project)));
}

function options(project) {
  return { cwd: project, timeout: 300_000, env: { IOCP_LIBRARY: "" } };
}

const quietRuntimes = { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" };

async function outcome(file, args, options = {}) {
  const env = { ...process.env, ...quietRuntimes };
  return await ended(run(file, args, { env, ...options }));
}

async function ended(running) {
  const result = await running;
  return result.ok ? [] : [result.output.trim() || describeEnd(result)];
}

async function works(running) {
  const result = await running;
  if (result.ok && /^works/m.test(result.stdout)) return [];
  return [result.output.trim() || describeEnd(result)];
}
