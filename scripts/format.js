// Copyright the iocp authors. MIT license.

// Formats TypeScript, JavaScript, JSON and Markdown with dprint, C with
// clang-format; both come from npm. Without `--write` it only says what is not
// formatted.

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { cacheFolder, repository } from "./setup/cache.js";
import { argv, problemsOf, run } from "./setup/command.js";
import { dprintPath, ensureNodeModules } from "./setup/node_modules.js";

const modules = join(repository, "node_modules");
const clangFormat = join(
  modules,
  "@wasm-fmt/clang-format/clang-format-cli.cjs",
);

/** Formats, or with `write` false only checks; returns what is wrong. */
export async function formatWithDprint(write) {
  await ensureNodeModules();
  const DPRINT_CACHE_DIR = join(cacheFolder(), "dprint-cache");
  const env = { ...process.env, DPRINT_CACHE_DIR, NO_COLOR: "1" };
  const args = [write ? "fmt" : "check"];
  return problemsOf(await run(dprintPath(), args, { cwd: repository, env }));
}

/** Formats the C files, or with `write` false only checks; as above. */
export async function formatC(write) {
  await ensureNodeModules();
  const files = [];
  for (const folder of ["ffi", "bench", "tests"]) {
    const names = await readdir(join(repository, folder), { recursive: true });
    const sources = names.filter((name) => /\.[ch]$/.test(name));
    files.push(...sources.map((name) => join(folder, name)));
  }
  const args = argv`${clangFormat} ${write ? "-i" : ["--dry-run", "--Werror"]}
    ${files}`;
  return problemsOf(await run(process.execPath, args, { cwd: repository }));
}

/** The stage of `npm test`: everything is formatted. */
export async function formatStage({ report }) {
  await report.check("format: dprint", () => formatWithDprint(false));
  await report.check("format: clang-format", () => formatC(false));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const write = process.argv.includes("--write");
  const problems = [...await formatWithDprint(write), ...await formatC(write)];
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
