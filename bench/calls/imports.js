// Copyright the iocp authors. MIT license.

// Makes a copy of a Windows program or DLL whose imports are counted: the names
// of the libraries in its import table are overwritten with that of one that is
// made for it (counts.c), has a function of each name, and passes every call
// on. What it finds out at run time, such as AcceptEx(), goes past that.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { readPe } from "../../ffi/pe.js";
import { compileForWindows } from "../peers/windows_c.js";

const shim = "calls.dll";
const counted = /^(kernel32|ws2_32)\.dll$/i;

/**
 * Makes the copy in a folder, and what it needs beside it. Returns its path and
 * the `names` of the functions, in the order of their counts.
 */
export async function countImports(file, folder) {
  await mkdir(folder, { recursive: true });
  const bytes = await readFile(file);
  const libraries = readPe(bytes).imports
    .filter(({ library }) => counted.test(library));
  const names = libraries.flatMap(({ names }) => names);
  for (const { library } of libraries) replaceName(bytes, library);
  const path = join(folder, basename(file));
  await writeFile(path, bytes);
  await compileShim(folder, names);
  return { path, names };
}

/* The name of a library is in the file once, with a zero at its end. */
function replaceName(bytes, library) {
  const name = Buffer.from(`${library}\0`, "latin1");
  const offset = bytes.indexOf(name);
  if (offset < 0 || bytes.indexOf(name, offset + 1) >= 0) {
    throw new Error(`the name ${library} is not there just once`);
  }
  bytes.fill(0, offset, offset + name.length);
  bytes.write(shim, offset, "latin1");
}

async function compileShim(folder, names) {
  const assembly = join(folder, "calls.s");
  const exports = join(folder, "calls.def");
  await writeFile(assembly, names.map(entry).join(""));
  await writeFile(
    exports,
    `EXPORTS\n${names.map((name, i) => `${name} = calls_${i}\n`).join("")}`,
  );
  await compileForWindows([
    "-shared",
    `-DCALLS_COUNT=${names.length}`,
    join(import.meta.dirname, "counts.c"),
    assembly,
    exports,
    "-o",
    join(folder, shim),
    "-lws2_32",
  ]);
}

/* All arguments are left where they are: RAX is none of their registers. */
function entry(name, index) {
  const target = name === "GetProcAddress"
    ? "calls_get_proc_address"
    : `*__imp_${name}(%rip)`;
  return `.globl calls_${index}\ncalls_${index}:\n` +
    "  mov calls_counts(%rip), %rax\n" +
    `  lock incq ${8 * index}(%rax)\n` +
    `  jmp ${target}\n`;
}
