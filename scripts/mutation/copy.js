// Copyright the iocp authors. MIT license.

// A copy of the checkout in which Stryker's instrumenter has put all mutants into
// files of `src/`; __STRYKER_ACTIVE_MUTANT__ chooses one for a process.

import { cp, readFile, symlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { cachedPackages, repository, runOrThrow } from "../setup.js";

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
    await writeFile(join(folder, name), content);
  }
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
