// Copyright the iocp authors. MIT license.

// The example for C programs, built as a user builds it: from the public
// headers and each of the libraries that `npm run build:c` makes.

import { copyFile, mkdir, readdir, readFile } from "node:fs/promises";
import { join, sep } from "node:path";
import { buildForC } from "../../ffi/build_c.js";
import { modes, targetOf, warnings } from "../../ffi/compile.js";
import { inspectArchive } from "../../ffi/inspect.js";
import { compile, systems } from "../c_program.js";
import { argv, cacheFolder, describeEnd, ensureDebian } from "../setup.js";

const connections = 200;
const bytes = { linux: 200_000, windows: 20_000 };

/**
 * Builds ffi/examples/echo.c with the shared and the static library, release
 * and debug, and has a server and a client of each exchange checked data.
 */
export async function testExample(report, root, system, scratch, runner) {
  const target = targetOf(system);
  const output = join(scratch, "products");
  const name = `c ${system}: example`;
  const built = await report.check(
    `${name}, the libraries for C are built`,
    async () => {
      await buildForC(runner.zig, join(root, "ffi"), output, [target]);
      return await inspectProducts(output, [root, scratch, cacheFolder()]);
    },
  );
  if (!built) return;
  for (const mode of Object.keys(modes)) {
    for (const kind of ["shared", "static"]) {
      await report.check(`${name}, ${kind} library, ${mode}`, async () => {
        const folder = join(scratch, `echo-${kind}-${mode}`);
        const libraries = join(output, target.name, mode);
        const include = join(output, "include");
        const program = await compileExample(root, system, {
          ...{ kind, folder, libraries, include, runner },
        });
        return await exchange(program, bytes[system], runner.start);
      });
    }
  }
}

// Products must not contain paths of the machine they were built on.
async function inspectProducts(output, folders) {
  const { debian } = await ensureDebian();
  const problems = [];
  for (const name of await readdir(output, { recursive: true })) {
    if (!/\.(so|a|dll|lib)$/.test(name)) continue;
    const bytes = await readFile(join(output, name));
    const found = debian && /(\.a|_static\.lib)$/.test(name)
      ? await inspectArchive(debian, join(output, name))
      : [];
    for (const folder of folders) {
      if (bytes.includes(folder + sep)) found.push(`names ${folder}`);
    }
    problems.push(...found.map((problem) => `${name}: ${problem}`));
  }
  return problems;
}

async function compileExample(root, system, build) {
  const { kind, folder, libraries, include, runner } = build;
  const target = targetOf(system);
  await mkdir(folder, { recursive: true });
  const program = join(folder, `echo${systems[system].suffix}`);
  if (kind === "shared") {
    await copyFile(join(libraries, target.file), join(folder, target.file));
  }
  const linked = kind === "static" ? target.archive : target.linked;
  const tools = { ...runner, folders: [root, folder, libraries] };
  await compile(system, tools, [
    ...warnings,
    ...argv`-std=gnu11 -Wpedantic ${kind === "static" ? "-DIOCP_STATIC" : ""}
      -I${include} ${root}/ffi/examples/echo.c ${join(libraries, linked)}`,
    ...[...systems[system].compile, ...systems[system].link, "-o", program],
  ]);
  return program;
}

// Returns what went wrong.
async function exchange(program, bytes, start) {
  const stop = new AbortController();
  let text = "";
  let listening;
  const port = new Promise((resolve) => listening = resolve);
  const server = start(program, ["server", "0", `${connections}`], {
    signal: stop.signal,
    onStdout: (chunk) => {
      text += chunk;
      const match = /listening on port (\d+)\s/.exec(text);
      if (match) listening(match[1]);
    },
  });
  const number = await Promise.race([port, server.then(() => null)]);
  const args = ["client", number, `${connections}`, `${bytes}`];
  const client = number && await start(program, args);
  // The server would wait for its connections forever.
  if (!client?.ok) stop.abort();
  const ended = await server;
  const problems = [];
  for (const [side, result] of [["client", client], ["server", ended]]) {
    if (result?.ok) continue;
    problems.push(`${side}: ${result?.output}${result && describeEnd(result)}`);
  }
  return problems;
}
