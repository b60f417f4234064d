// Copyright the iocp authors. MIT license.

import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import {
  denoPath,
  describeEnd,
  ensureNodeModules,
  repository,
  run,
  tscPath,
} from "../setup.js";

const foldersOfTypeScript = ["tests", "examples", "bench"];

/** The types hold for Deno, for Bun, and for consumers of every kind. */
export async function typesStage({ report }) {
  await ensureNodeModules();
  await report.check("types: deno check", async () => {
    const own = [
      "mod.ts",
      "scripts/types/deno.ts",
      "scripts/types/web.ts",
    ];
    const files = [...own, ...await typeScriptFiles()];
    return await outcome(denoPath(), ["check", "--quiet", ...files]);
  });
  await report.check(
    "types: deno check, the examples of documents",
    async () => {
      const args = ["check", "--quiet", "--doc-only", ...await documents()];
      return await outcome(denoPath(), args);
    },
  );
  await report.check("types: deno doc --lint", async () => {
    return await outcome(denoPath(), ["doc", "--quiet", "--lint", "mod.ts"]);
  });
  await report.check("types: tsc, with Bun's types", () => compile("bun", []));
  for (const [what, args] of Object.entries(consumers)) {
    await report.check(`types: tsc, a consumer with ${what}`, () => {
      return compile("consumer", args);
    });
  }
  for (const [what, args] of Object.entries(platforms)) {
    await report.check(`types: tsc, the web platform with ${what}`, () => {
      return compile("web", args);
    });
  }
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
  const config = join(repository, "scripts", "types", `${project}.json`);
  return await outcome(process.execPath, [tscPath(), "-p", config, ...args]);
}

async function typeScriptFiles() {
  const files = [];
  for (const folder of foldersOfTypeScript) {
    if (!existsSync(join(repository, folder))) continue;
    const names = await readdir(join(repository, folder), { recursive: true });
    files.push(
      ...names.filter((name) => name.endsWith(".ts"))
        .map((name) => join(folder, name)).sort(),
    );
  }
  return files;
}

async function documents() {
  const files = [];
  for (const folder of [".", "docs"]) {
    const names = await readdir(join(repository, folder));
    files.push(
      ...names.filter((name) => name.endsWith(".md"))
        .map((name) => join(folder, name)).sort(),
    );
  }
  return files;
}

async function outcome(file, args) {
  const env = { ...process.env, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" };
  const result = await run(file, args, { cwd: repository, env });
  return result.ok ? [] : [result.output.trim() || describeEnd(result)];
}
