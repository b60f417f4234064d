// Copyright the iocp authors. MIT license.

// Formats TypeScript, JavaScript, JSON and Markdown with dprint, C with
// clang-format; both come from npm. Without `--write` it only says what is not
// formatted.

import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import {
  cacheFolder,
  describeEnd,
  dprintPath,
  ensureNodeModules,
  repository,
  run,
} from "./setup.js";

const foldersOfC = ["ffi", "bench", "examples"];

/** Formats, or with `write` false only checks; returns what is wrong. */
export async function formatWithDprint(write) {
  await ensureNodeModules();
  const env = {
    ...process.env,
    DPRINT_CACHE_DIR: join(cacheFolder(), "dprint-cache"),
    NO_COLOR: "1",
  };
  const command = write ? ["fmt"] : ["check"];
  const args = [...command, "--config", join(repository, "dprint.json")];
  const result = await run(dprintPath(), args, { cwd: repository, env });
  if (result.ok) return [];
  // It colours its output even in a pipe.
  const plain = result.output.replace(/\x1b\[[0-9;]*m/g, "").trim();
  return [plain || `dprint: ${describeEnd(result)}`];
}

/** Formats the C files, or with `write` false only checks; as above. */
export async function formatC(write) {
  await ensureNodeModules();
  const module = join(
    repository,
    "node_modules/@wasm-fmt/clang-format/clang-format-node.js",
  );
  const { format } = await import(pathToFileURL(module).href);
  const style = await readFile(join(repository, ".clang-format"), "utf8");
  const problems = [];
  for (const file of await filesOfC()) {
    const name = relative(repository, file).replaceAll("\\", "/");
    const text = await readFile(file, "utf8");
    const formatted = format(text, file.endsWith(".h") ? "a.c" : file, style);
    if (formatted === text) continue;
    if (write) await writeFile(file, formatted);
    else problems.push(`${name}:${firstDifference(text, formatted)}`);
  }
  return problems;
}

async function filesOfC() {
  const files = [];
  for (const folder of foldersOfC) {
    const path = join(repository, folder);
    if (!existsSync(path)) continue;
    for (const name of await readdir(path, { recursive: true })) {
      if (/\.[ch]$/.test(name)) files.push(join(path, name));
    }
  }
  return files.sort();
}

function firstDifference(text, formatted) {
  const [is, wanted] = [text.split("\n"), formatted.split("\n")];
  const line = is.findIndex((content, index) => content !== wanted[index]);
  return `${line + 1}: not formatted; is:\n  ${is[line]}\nand should be:\n` +
    `  ${wanted[line]}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const write = process.argv.includes("--write");
  const problems = [...await formatWithDprint(write), ...await formatC(write)];
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
