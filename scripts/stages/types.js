// Copyright the iocp authors. MIT license.

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import {
  argv,
  denoPath,
  ensureNodeModules,
  problemsOf,
  repository,
  run,
  tscPath,
} from "../setup.js";

/** The types hold for Deno, for Bun, and for consumers of every kind. */
export async function typesStage({ report, jobs }) {
  await ensureNodeModules();
  const folders = ["tests", "examples", "bench"];
  const files = await filesIn(folders, ".ts", { recursive: true });
  const examples = await filesIn([".", "docs"], ".md");
  const checks = {
    "deno check": () => deno(argv`check --quiet mod.ts ${files}`),
    "deno check, the examples of documents": () =>
      deno(argv`check --quiet --doc-only ${examples}`),
    "deno doc --lint": () => deno(argv`doc --quiet --lint mod.ts`),
    "tsc, with Bun's types": () => compile("bun", []),
  };
  for (const [what, args] of Object.entries(consumers)) {
    checks[`tsc, a consumer with ${what}`] = () => compile("consumer", args);
  }
  for (const [what, args] of Object.entries(platforms)) {
    checks[`tsc, the web platform with ${what}`] = () => compile("web", args);
  }
  await report.checks(jobs, checks, "types: ");
}

// Users have different libraries of types, or none; the files of a package are
// checked with theirs. Errors in the types of others are theirs as well.
const consumers = {
  "ES2022 alone": ["--lib", "ES2022"],
  "ESNext alone": ["--lib", "ESNext"],
  "ES2022 and DOM": ["--lib", "ES2022,DOM"],
  "all of the compiler's own": [],
  "Node's types": ["--lib", "ES2022", "--types", "node", "--skipLibCheck"],
  "Node's types and DOM": ["--types", "node", "--skipLibCheck"],
  "Bun's types": ["--lib", "ESNext", "--types", "bun-types", "--skipLibCheck"],
};

// Whose types of the web platform there are.
const platforms = {
  "the compiler's own types": ["--lib", "ES2022,DOM,DOM.AsyncIterable"],
  "Bun's types": ["--lib", "ESNext", "--types", "bun-types", "--skipLibCheck"],
};

async function compile(project, args) {
  const config = join(repository, "tests", "types", `${project}.json`);
  return await outcome(process.execPath, [tscPath(), "-p", config, ...args]);
}

async function filesIn(folders, suffix, options) {
  const files = await Promise.all(folders.map(async (folder) => {
    const names = await readdir(join(repository, folder), options);
    return names.filter((name) => name.endsWith(suffix)).sort()
      .map((name) => join(folder, name));
  }));
  return files.flat();
}

function deno(args) {
  return outcome(denoPath(), args);
}

async function outcome(file, args) {
  const env = { ...process.env, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" };
  return problemsOf(await run(file, args, { cwd: repository, env }));
}
