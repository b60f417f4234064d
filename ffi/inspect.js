// Copyright the iocp authors. MIT license.

// What a built library must be: which libraries it needs, what it exports, how
// the system may load it. `node ffi/inspect.js` looks at the committed ones.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { repository } from "../scripts/setup.js";
import { exportNames, targets } from "./compile.js";
import { readElf } from "./elf.js";
import { readPe } from "./pe.js";

const largestDll = 64 * 1024;
const newestGlibc = [2, 28];
// Threads were a library of their own in that glibc; newer ones and musl still
// know it by this name.
const sharedLibraries = ["libc.so.6", "libpthread.so.0"];

// HIGH_ENTROPY_VA, DYNAMIC_BASE and NX_COMPAT.
const hardened = 0x160;
const relocationsStripped = 1;
const machineAmd64 = 0x8664;
const machineX8664 = 62;
const writeAndExecute = 0xa0000000;

/** Returns a sentence for each thing that is wrong with a library. */
export async function inspectLibrary(target, bytes, definition) {
  const names = await exportNames(definition);
  const found = target.system === "windows"
    ? inspectDll(bytes)
    : inspectSharedObject(bytes);
  return [...found.problems, ...compareExports(found.exports, names)];
}

function inspectDll(bytes) {
  const pe = readPe(bytes);
  const problems = [];
  const expect = (truth, problem) => truth || problems.push(problem);
  const hex = (number) => `0x${number.toString(16)}`;
  expect(pe.machine === machineAmd64, `machine is ${hex(pe.machine)}`);
  expect(
    bytes.length <= largestDll,
    `${bytes.length} bytes are more than ${largestDll}`,
  );
  for (const { library, names } of pe.imports) {
    expect(
      ["kernel32.dll", "ws2_32.dll"].includes(library.toLowerCase()),
      `imports ${library} (${names.join(", ")})`,
    );
  }
  expect(
    (pe.dllCharacteristics & hardened) === hardened,
    `DllCharacteristics ${hex(pe.dllCharacteristics)} lack ${hex(hardened)}`,
  );
  expect(
    (pe.characteristics & relocationsStripped) === 0,
    "relocations are stripped",
  );
  expect(pe.entryPoint !== 0, "has no entry point");
  expect(pe.unwindTables, "has no unwind tables");
  expect(!pe.threadLocal, "has thread-local storage");
  for (const { name, flags } of pe.sections) {
    expect(
      (flags & writeAndExecute) >>> 0 !== writeAndExecute,
      `section ${name} is writable and executable`,
    );
  }
  return { problems, exports: pe.exports };
}

function inspectSharedObject(bytes) {
  const elf = readElf(bytes);
  const problems = [];
  const expect = (truth, problem) => truth || problems.push(problem);
  expect(elf.machine === machineX8664, `machine is ${elf.machine}`);
  for (const name of elf.needed) {
    expect(sharedLibraries.includes(name), `needs ${name}`);
  }
  for (const version of elf.versions) {
    expect(!isNewer(version), `needs ${version}`);
  }
  for (const name of elf.undefined) {
    expect(!/_chk$/.test(name), `needs ${name}, which musl does not have`);
  }
  expect(elf.paths.length === 0, `has a search path: ${elf.paths}`);
  expect(elf.relro && elf.bindNow, "is not full RELRO");
  expect(!elf.executableStack, "asks for an executable stack");
  expect(!elf.textRelocations, "has text relocations");
  return { problems, exports: elf.exports };
}

function isNewer(version) {
  const match = /^GLIBC_(\d+)\.(\d+)/.exec(version);
  if (!match) return true;
  const [major, minor] = match.slice(1).map(Number);
  return major > newestGlibc[0] ||
    major === newestGlibc[0] && minor > newestGlibc[1];
}

function compareExports(exports, names) {
  return [
    ...names.filter((name) => !exports.includes(name))
      .map((name) => `does not export ${name}`),
    ...exports.filter((name) => !names.includes(name))
      .map((name) => `exports ${name}, which is not in the .def file`),
  ];
}

/**
 * Returns what is wrong with a static library: a name that could mean something
 * else in the program it is linked into. Names are read from the archive's own
 * index, which is its first member: a count and as many offsets, big-endian,
 * and then the names.
 */
export function inspectArchive(bytes) {
  const magic = "!<arch>\n";
  const header = 60;
  const file = Buffer.from(bytes);
  const start = magic.length + header;
  if (file.toString("latin1", 0, magic.length + 2) !== `${magic}/ `) {
    return ["is not an archive with an index"];
  }
  const size = Number(file.toString("latin1", start - 12, start - 2));
  const names = start + 4 + 4 * file.readUInt32BE(start);
  return file.toString("latin1", names, start + size).split("\0")
    .filter((name) => name !== "" && !name.startsWith("iocp_"))
    .map((name) => `has the name ${name}, which does not begin with iocp_`);
}

/** Looks at the libraries of a checkout; returns what is wrong. */
export async function inspectCommitted(root) {
  const problems = [];
  for (const target of targets) {
    const path = `ffi/prebuilt/${target.name}/${target.file}`;
    const definition = join(root, "ffi", "iocp.def");
    const found = await readFile(join(root, path))
      .then((bytes) => inspectLibrary(target, bytes, definition))
      .catch((error) => [error.message]);
    problems.push(...found.map((line) => `${path}: ${line}`));
  }
  return problems;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const problems = await inspectCommitted(repository);
  for (const line of problems) console.error(line);
  if (problems.length === 0) console.log("the libraries are as they should be");
  process.exitCode = problems.length === 0 ? 0 : 1;
}
