// Copyright the iocp authors. MIT license.

// Makes dist/, the JavaScript and the declarations that the npm package has
// beside its sources: Deno runs no TypeScript below node_modules, and what a
// user's compiler checks there should not be our sources.
//
//   npm run build:package     also run by `npm pack` and `npm publish`

import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { repository, runOrThrow, tscPath } from "./setup.js";

const config = join(repository, "scripts", "types", "build.json");

/** Builds into dist/ of the checkout. */
export async function buildPackage() {
  const dist = join(repository, "dist");
  await rm(dist, { recursive: true, force: true });
  await runOrThrow(process.execPath, [tscPath(), "-p", config]);
  for (const name of await readdir(dist, { recursive: true })) {
    const path = join(dist, name);
    if (/\bnative\b.*\.map$/.test(name)) await rm(path);
    else if (/\.d\.ts$/.test(name)) await rewrite(path, withJsExtensions);
    else if (/\bnative\b.*\.js$/.test(name)) await rewrite(path, withoutMap);
  }
}

async function rewrite(path, change) {
  await writeFile(path, change(await readFile(path, "utf8")));
}

// The compiler rewrites the extensions of imports in JavaScript alone.
function withJsExtensions(text) {
  return text.replace(/^((?:import|export)\b.* from ".*)\.ts";$/gm, '$1.js";')
    .replace(/(import\("\.[^"]*)\.ts"\)/g, '$1.js")')
    .replace(/^import "(\..*)\.ts";$/gm, 'import "$1.js";');
}

// There is nothing to step through in an embedded library.
function withoutMap(text) {
  return text.replace(/\n\/\/# sourceMappingURL=.*\n?$/, "\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildPackage();
