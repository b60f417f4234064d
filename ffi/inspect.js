// Copyright the iocp authors. MIT license.

// What a built library must be: the libraries it needs, what it exports, how
// the system may load it. Binutils reads the files.

import { stat } from "node:fs/promises";
import { join } from "node:path";
import { exportNames, targets } from "./compile.js";

const bytesMax = 112 * 1024;

/*
 * The output of each command has a match of every pattern in `has`, and none of
 * those in `hasNot`. The first group of a pattern is what a problem shows.
 */
const rules = {
  windows: {
    command: ["objdump", "-w", "-p", "-h"],
    has: {
      "is not a 64-bit DLL": /file format pei-x86-64[^]*^\tDLL$/m,
      "may not be loaded above 4 GiB": /\bHIGH_ENTROPY_VA$/m,
      "may not be loaded anywhere": /\bDYNAMIC_BASE$/m,
      "may execute its data": /\bNX_COMPAT$/m,
      "has no entry point": /^AddressOfEntryPoint\s+0*[1-9a-f]/m,
      "has no unwind tables": /^Entry 3 0*[1-9a-f]/m,
    },
    hasNot: {
      "cannot be relocated": /relocations stripped/,
      "has thread-local storage": /^Entry 9 0*[1-9a-f]/m,
      "may write its code": /(\.\w+)  (?!.*READONLY).*\bCODE$/m,
      "imports": /DLL Name: ((?!kernel32\.dll|ws2_32\.dll).*)/i,
    },
    exported: /\] +[0-9a-f]{4} (\w+)$/gm,
  },
  linux: {
    command: ["readelf", "-W", "-h", "-l", "-d", "-V", "--dyn-syms"],
    has: {
      "is not a 64-bit library": /ELF64[^]*\bDYN\b[^]*Micro Devices X86-64/,
      "is not full RELRO": /\bGNU_RELRO\b[^]*\bBIND_NOW\b/,
      "may be unmapped": /\bNODELETE\b/,
      "asks for an executable stack": /\bGNU_STACK .* RW  /,
    },
    hasNot: {
      "has text relocations": /\bTEXTREL\b/,
      "has a search path": /\((?:RPATH|RUNPATH)\) (.*)/,
      // Threads were a library of their own in that glibc; newer ones and musl
      // still have it under this name.
      "needs": /\(NEEDED\).*\[((?!libc\.so\.6|libpthread\.so\.0).*)\]/,
      "needs a newer": /Name: ((?!GLIBC_2\.(\d|1\d|2[0-8])(\.\d+)? )\S+)/,
      "needs, which musl does not have,": /\bUND (\w+_chk)@/,
    },
    exported: /\bDEFAULT +\d+ (\w+)$/gm,
  },
};

/**
 * Returns a sentence for each thing that is wrong with the libraries of a
 * checkout, which the tools of `debian` read.
 */
export async function inspectCommitted(debian, root) {
  const names = await exportNames(join(root, "ffi"));
  const problems = [];
  for (const { name, file, system } of targets) {
    const path = `ffi/prebuilt/${name}/${file}`;
    const [program, ...args] = rules[system].command;
    const { stdout } = await debian.run(program, [...args, join(root, path)]);
    const { size } = await stat(join(root, path));
    const found = inspect(rules[system], stdout, names);
    if (size > bytesMax) found.push(`has ${size} bytes`);
    problems.push(...found.map((problem) => `${path} ${problem}`));
  }
  return problems;
}

function inspect({ has, hasNot, exported }, text, names) {
  const exports = [...text.matchAll(exported)].map(([, name]) => name);
  return [
    ...Object.keys(has).filter((problem) => !has[problem].test(text)),
    ...Object.entries(hasNot).flatMap(([problem, pattern]) => {
      const match = pattern.exec(text);
      return match ? [`${problem} ${match[1] ?? ""}`] : [];
    }),
    ...names.filter((name) => !exports.includes(name))
      .map((name) => `does not export ${name}`),
    ...exports.filter((name) => !names.includes(name))
      .map((name) => `exports ${name}, which no header declares`),
  ];
}

/** Returns the names of a static library that a program could use as well. */
export async function inspectArchive(debian, path) {
  const args = ["-g", "--defined-only", "-j", path];
  const { output } = await debian.run("nm", args);
  return output.trim().split("\n").filter((name) => !name.startsWith("iocp_"))
    .map((name) => `has the name ${name}, which does not begin with iocp_`);
}
