// Copyright the iocp authors. MIT license.

// deno.exe and bun.exe, to run under Wine, from the same npm packages and of the
// same versions as those for this system.

import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cached, repository } from "./cache.js";
import { argv } from "./command.js";
import { npm } from "./node_modules.js";

/** Installs both if they are missing; returns `{ deno, bun }`, their paths. */
export async function ensureWindowsRuntimes() {
  const manifest = JSON.parse(
    await readFile(join(repository, "package.json"), "utf8"),
  );
  const { deno, bun } = manifest.devDependencies;
  const folder = await cached(
    `windows-deno-${deno}-bun-${bun}`,
    `deno.exe ${deno} and bun.exe ${bun}`,
    (partial) => install(partial, deno, bun),
  );
  const modules = join(folder, "node_modules");
  const paths = {
    deno: join(modules, "@deno", "win32-x64", "deno.exe"),
    bun: join(modules, "@oven", "bun-windows-x64", "bin", "bun.exe"),
  };
  for (const path of Object.values(paths)) {
    if (!existsSync(path)) {
      throw new Error(`${path} is missing: delete ${folder} and try again`);
    }
  }
  return paths;
}

async function install(folder, deno, bun) {
  await writeFile(join(folder, "package.json"), '{ "private": true }\n');
  const args = argv`install --os=win32 --cpu=x64 --ignore-scripts --no-audit
    --no-fund --no-package-lock deno@${deno} bun@${bun}`;
  await npm(args, folder);
}
