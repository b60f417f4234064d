// Copyright the iocp authors. MIT license.

// A copy of the checkout in which Stryker's instrumenter has put all mutants into
// files of `src/`, and whose tests are collected by registry.js.

import { cp, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { cachedPackages, repository, runOrThrow } from "../../setup.js";

const VERSION = "10.1.1";

/** Returns the files in `paths` for which `isWanted` is true, with their mutants. */
export async function copyWithMutants(folder, paths, isWanted) {
  const linked = ["node_modules", "ffi"].map((name) => join(repository, name));
  const left = [...linked, join(repository, ".git")];
  const filter = (path) => !left.includes(path);
  await cp(repository, folder, { recursive: true, filter });
  for (const path of linked) await symlink(path, join(folder, basename(path)));
  const options = { cwd: repository };
  const { stdout } = await runOrThrow("git", ["ls-files", ...paths], options);
  const files = await Promise.all(
    stdout.split("\n").filter(isWanted).map(async (name) => {
      const content = await readFile(join(repository, name), "utf8");
      return { name, content, mutate: true };
    }),
  );
  const { mutants, files: mutated } = await instrument(files);
  for (const { name, content } of mutated) {
    await writeFile(join(folder, name), withoutCounting(content));
  }
  await collectTests(folder);
  return files.map(({ name, content }) => {
    const lines = content.split("\n");
    const own = mutants.filter(({ fileName }) => fileName === name);
    const all = own.map((mutant) => ({ id: mutant.id, ...say(mutant, lines) }));
    return { name, content, mutants: all };
  });
}

async function instrument(files) {
  const name = "@stryker-mutator/instrumenter";
  const tool = [`stryker-instrumenter-${VERSION}`, [`${name}@${VERSION}`]];
  const modules = await cachedPackages(...tool);
  const path = join(modules, name, "dist", "src", "index.js");
  const { Instrumenter } = await import(pathToFileURL(path));
  const log = { debug() {}, info() {}, isDebugEnabled: () => false };
  const options = { plugins: null, excludedMutations: [], ignorers: [] };
  return await new Instrumenter(log).instrument(files, options);
}

/* The line of a mutant, and what is changed in it. */
function say({ location: { start, end }, replacement }, lines) {
  const part = lines.slice(start.line, end.line + 1);
  part.push(part.pop().slice(0, end.column));
  part[0] = part[0].slice(start.column);
  const [from, to] = [part.join(" "), replacement]
    .map((code) => code.replace(/\s+/g, " ").slice(0, 70));
  const change = `${from} -> ${to}`;
  const text = `${start.line + 1}:${start.column + 1}: ${change}`;
  return { change, text, line: lines[start.line].trim() };
}

/* Counting how often each mutant is used takes long, and is needed once. */
function withoutCounting(content) {
  const start = "function cover() {";
  if (!content.includes(start)) throw new Error(`no ${start}`);
  return content.replace(start, `${start} if (ns.isJudging) return;`);
}

async function collectTests(folder) {
  const registry = join(folder, "scripts/mutation/typescript/registry.js");
  const tests = join(folder, "tests");
  for (const name of await readdir(tests, { recursive: true })) {
    if (!name.endsWith(".ts")) continue;
    const path = join(tests, name);
    const content = await readFile(path, "utf8");
    const own = content.replace('from "node:test"', `from "${registry}"`);
    if (own !== content) await writeFile(path, own);
  }
}
