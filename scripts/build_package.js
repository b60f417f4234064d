// Copyright the iocp authors. MIT license.

// Makes dist/, the JavaScript and the declarations of the npm package, since Deno
// runs no TypeScript below node_modules, and a user's compiler would check it:
//   npm run build:package     also run by `npm pack` and `npm publish`

import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import { ensureNodeModules, repository, runOrThrow, tscPath } from "./setup.js";

const config = join(repository, "scripts", "build_package.json");

await ensureNodeModules();
const dist = join(repository, "dist");
await rm(dist, { recursive: true, force: true });
await runOrThrow(process.execPath, [tscPath(), "-p", config]);
const names = (await readdir(dist, { recursive: true }))
  .filter((name) => name.endsWith(".d.ts")).map((name) => join(dist, name));
for (const path of names) {
  await writeFile(path, withJsExtensions(await readFile(path, "utf8")));
}
const used = await declarationsFrom(join(dist, "mod.d.ts"));
await declarationsFrom(join(dist, "http.d.ts"), used);
await declarationsFrom(join(dist, "net.d.ts"), used);
for (const path of names) if (!used.has(path)) await rm(path);

// Only these can reach a user's compiler.
async function declarationsFrom(path, used = new Set()) {
  if (used.has(path)) return used;
  used.add(path);
  const text = await readFile(path, "utf8");
  for (const [, name] of text.matchAll(/["'](\.[^"']*)\.js["']/g)) {
    await declarationsFrom(join(dirname(path), `${name}.d.ts`), used);
  }
  return used;
}

// The compiler rewrites the extensions of imports in JavaScript alone.
function withJsExtensions(text) {
  return text.replace(/^((?:import|export)\b.* from ".*)\.ts";$/gm, '$1.js";')
    .replace(/(import\("\.[^"]*)\.ts"\)/g, '$1.js")')
    .replace(/^import "(\..*)\.ts";$/gm, 'import "$1.js";');
}
