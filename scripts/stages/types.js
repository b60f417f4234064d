// Copyright the iocp authors. MIT license.

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { repository } from "../setup/cache.js";
import { argv, problemsOf, run } from "../setup/command.js";
import { denoPath, ensureNodeModules, tscPath } from "../setup/node_modules.js";

/** The types hold for Deno, for Bun, and for consumers of every kind. */
export async function typesStage({ report, jobs }) {
  await ensureNodeModules();
  const pages = (await readdir(join(repository, "docs")))
    .map((name) => join("docs", name));
  const documents = [...await readdir(repository), ...pages]
    .filter((name) => name.endsWith(".md"));
  const checks = {
    "deno check": () => deno(argv`check --quiet mod.ts tests examples bench`),
    "deno check, the examples of documents": () =>
      deno(argv`check --quiet --doc-only ${documents}`),
    "deno doc --lint": () =>
      deno(argv`doc --quiet --lint mod.ts http.ts net.ts`),
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

// Users have different libraries of types, or none. Errors in these are theirs.
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

function deno(args) {
  return outcome(denoPath(), args);
}

async function outcome(file, args) {
  const env = { ...process.env, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" };
  return problemsOf(await run(file, args, { cwd: repository, env }));
}
