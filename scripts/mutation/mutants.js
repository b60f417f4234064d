// Copyright the iocp authors. MIT license.

// The mutants of the library: each is one change to one file.

import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { sourceFiles, withoutRuntime } from "../../ffi/compile.js";
import { inParallel } from "../parallel.js";
import { changesOf } from "./operators.js";
import { parse } from "./syntax.js";

/** The hash of a text, or of bytes. */
export function digest(value) {
  return createHash("sha256").update(value).digest("hex").slice(0, 24);
}

/** The worlds of the simulation that compile a file. */
export function worldsOf(file) {
  return ["windows", "linux"].filter((world) =>
    file.split("/").length === 2 || file.startsWith("src/callbacks/") ||
    file.startsWith(`src/${world}/`) ||
    world === "linux" && file.startsWith("src/posix/")
  );
}

/**
 * The files that a mutant can be in: those with one of `parts` in their path, or
 * those that Windows compiles.
 */
export function filesToMutate(ffi, parts) {
  const systems = parts ? ["windows", "linux"] : ["windows"];
  const all = new Set(systems.flatMap((system) => sourceFiles(ffi, system)));
  const isChosen = (file) => parts?.some((part) => file.includes(part)) ?? true;
  return [...all].sort()
    .filter((file) => !withoutRuntime.includes(file) && isChosen(file));
}

/**
 * All mutants of `files`: `{ file, line, source, from, to, text, key, id }`. The bytes at
 * `from` to `to` are replaced. The key says what is changed by its text and its
 * function, so that edits elsewhere in the file do not change it; `id` also
 * depends on the whole file.
 */
export async function mutantsOf(debian, ffi, files, jobs) {
  const all = await inParallel(files, jobs, async (file) => {
    const parsed = await parse(debian, ffi, file, worldsOf(file)[0]);
    const hash = digest(parsed.text);
    const seen = new Set();
    const counts = new Map();
    return parsed.declarations.flatMap((declaration) =>
      changesOf(declaration, parsed).flatMap((change) => {
        const [operator, [from, to], text] = change;
        const place = `${from} ${to} ${text}`;
        if (seen.has(place)) return [];
        seen.add(place);
        const [was, is] = [parsed.text.slice(from, to), text].map(oneLine);
        const name = `${file.slice(4)} ${declaration.name}: ${operator}: ` +
          `${was} -> ${is === "(void)0" ? "nothing" : is}`;
        const count = (counts.get(name) ?? 0) + 1;
        counts.set(name, count);
        const key = count === 1 ? name : `${name} #${count}`;
        const line = parsed.text.slice(0, from).split("\n").length;
        const source = parsed.text.split("\n")[line - 1].trim();
        const id = digest(`${hash} ${key}`);
        return [{ ...{ file, line, source, from, to, text, key, id } }];
      })
    );
  });
  return all.flat();
}

function oneLine(text) {
  return text.replace(/\s+/g, " ");
}

/** Draws `count` mutants. An edit of the library changes few of them. */
export function draw(mutants, seed, count) {
  const order = new Map(
    mutants.map((mutant) => [mutant, digest(`${seed} ${mutant.key}`)]),
  );
  return mutants.toSorted((a, b) => order.get(a) < order.get(b) ? -1 : 1)
    .slice(0, count);
}

/** Writes the file of a mutant to `folder`, one like ffi/. */
export async function plant(ffi, folder, { file, from, to, text }) {
  const was = await readFile(join(ffi, file), "latin1");
  const path = join(folder, file);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, was.slice(0, from) + text + was.slice(to), "latin1");
}
