// Copyright the iocp authors. MIT license.

// The package in an empty project, with the programs that use it.

import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { argv, npm, repository } from "../setup.js";

const published = /^\/(mod|cli|http|net|net_register|src\/[\w/]+)\.ts$/;
const tests = join(repository, "tests");

/** Makes the tarball, as `npm publish` does; returns its path and files. */
export async function pack(folder) {
  const args = argv`pack --json --foreground-scripts=false
    --pack-destination ${folder}`;
  const { stdout } = await npm(args, repository);
  /* An array, and since npm 12 an object. */
  const packed = JSON.parse(stdout.slice(stdout.search(/^[[{]/m)));
  const [{ filename, files }] = Object.values(packed);
  return { path: join(folder, filename), files: files.map(({ path }) => path) };
}

/** Makes a project without dependencies that may use the tarball. */
export async function makeProject(folder) {
  await mkdir(folder, { recursive: true });
  const manifest = '{ "name": "project", "private": true, "type": "module" }';
  await writeFile(join(folder, "package.json"), manifest);
  await copy("package/use.ts", join(folder, "use.ts"), "iocp");
}

/** Copies a file of tests/, which imports the module by that name there. */
export async function copy(name, path, specifier) {
  const text = await readFile(join(tests, name), "utf8");
  const isUrl = specifier?.endsWith("/mod.ts");
  const entry = isUrl
    ? specifier.replace(/mod\.ts$/, "$1.ts")
    : `${specifier}/$1`;
  const named = text.replace("../../mod.ts", specifier)
    .replace(/\.\.\/\.\.\/(http|net)\.ts/g, entry);
  await writeFile(path, named);
}

/** Serves the published sources as a web server does: `{ url, close() }`. */
export async function serveSources() {
  const server = createServer(async ({ url }, response) => {
    if (!published.test(url)) return response.writeHead(404).end();
    response.setHeader("Content-Type", "application/typescript");
    response.end(await readFile(`${repository}${url}`));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const url = `http://127.0.0.1:${server.address().port}`;
  return { url, close: () => server.close() };
}
