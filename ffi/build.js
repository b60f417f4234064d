// Copyright the iocp authors. MIT license.

// Builds the library for every target, with the hashes and the TypeScript
// modules that belong to it.
//
//   node ffi/build.js            builds into ffi/prebuilt and src/native
//   node ffi/build.js --check    builds elsewhere and compares with these
//   node ffi/build.js --target linux_x86_64    only that one, and no hashes

import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ensureZig, inTemporaryFolder, repository } from "../scripts/setup.js";
import { compileLibrary, targets } from "./compile.js";
import { checksums, moduleText, sha256 } from "./embed.js";
import { inspectLibrary } from "./inspect.js";

/**
 * Builds from `ffi`, a folder like the one this file is in; returns a map from
 * a file's path in the repository to its bytes.
 */
export async function build(ffi, { work, chosen = targets } = {}) {
  const zig = await ensureZig();
  return await inTemporaryFolder("iocp-build-", async (scratch) => {
    const files = new Map();
    const libraries = [];
    for (const target of chosen) {
      const output = join(scratch, target.name, target.file);
      await compileLibrary(zig, target, ffi, output, { work });
      const bytes = await readFile(output);
      libraries.push({ target, bytes });
      files.set(`ffi/prebuilt/${target.name}/${target.file}`, bytes);
      const module = Buffer.from(moduleText(target, bytes));
      files.set(`src/native/${target.name}.ts`, module);
    }
    if (chosen.length === targets.length) {
      const sums = Buffer.from(checksums(libraries));
      files.set("ffi/prebuilt/SHA256SUMS", sums);
    }
    return files;
  });
}

/** Builds in place, below `root`, a checkout. */
export async function buildInPlace(root, chosen) {
  const files = await build(join(root, "ffi"), { chosen });
  for (const [path, bytes] of files) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), bytes);
  }
  return files;
}

/**
 * Builds from copies of the sources in a folder of another name, with nothing
 * compiled before; returns a line for each committed file that is different.
 */
export async function check(root) {
  return await inTemporaryFolder("another-folder-", async (other) => {
    const ffi = join(other, "copied-sources");
    for (const part of ["include", "src", "iocp.def"]) {
      await cp(join(root, "ffi", part), join(ffi, part), { recursive: true });
    }
    const differences = [];
    const files = await build(ffi, { work: join(other, "objects") });
    for (const [path, bytes] of files) {
      const committed = await readFile(join(root, path)).catch(() => null);
      if (!committed) differences.push(`${path} is missing`);
      else if (!committed.equals(bytes)) {
        differences.push(
          `${path} is not what its sources give: it has sha256 ` +
            `${sha256(committed)}, a rebuild has ${sha256(bytes)}`,
        );
      }
    }
    return differences;
  });
}

async function main() {
  const { values } = parseArgs({
    options: {
      check: { type: "boolean", default: false },
      root: { type: "string", default: repository },
      target: { type: "string" },
    },
  });
  if (values.check) return await mainCheck(values.root);
  const wanted = ({ name }) => name === (values.target ?? name);
  const chosen = targets.filter(wanted);
  if (chosen.length === 0) {
    const names = targets.map(({ name }) => name).join(", ");
    throw new Error(`no such target: ${values.target} (${names})`);
  }
  const files = await buildInPlace(values.root, chosen);
  const definition = join(values.root, "ffi", "iocp.def");
  let problems = 0;
  for (const target of chosen) {
    const path = `ffi/prebuilt/${target.name}/${target.file}`;
    const bytes = files.get(path);
    console.log(`${path}: ${bytes.length} bytes`);
    for (const line of await inspectLibrary(target, bytes, definition)) {
      console.error(`  ${line}`);
      problems += 1;
    }
  }
  return problems > 0 ? 1 : 0;
}

async function mainCheck(root) {
  const differences = await check(root);
  for (const line of differences) console.error(line);
  if (differences.length > 0) {
    console.error(`run "npm run build:native" and commit what it changes`);
    return 1;
  }
  console.log("a rebuild in another folder gives the same bytes");
  return 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.exitCode = await main().catch((error) => {
    console.error(error.message);
    return 1;
  });
}
