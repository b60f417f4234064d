// Copyright the iocp authors. MIT license.

// The example for C programs, built as a user builds it: from the public
// headers and each of the libraries that `npm run build:c` makes.

import { copyFile, mkdir, readdir, readFile } from "node:fs/promises";
import { join, sep } from "node:path";
import { buildForC, modes, targetOf, warnings } from "../../ffi/compile.js";
import { inspectArchive } from "../../ffi/inspect.js";
import { compile, systems } from "../c_program.js";
import { serve } from "../server.js";
import { cacheFolder } from "../setup/cache.js";
import { argv, problemsOf } from "../setup/command.js";
import { ensureDebian } from "../setup/debian.js";
import { ensureZig } from "../setup/zig.js";

const connections = 200;
const bytes = { linux: 200_000, windows: 20_000 };

/**
 * Builds ffi/examples/echo.c with the shared and the static library, release
 * and debug, and has a server and a client of each exchange checked data.
 */
export async function testExample(report, scratch, context) {
  const { root, system, jobs, start } = context;
  const target = targetOf(system);
  const output = join(scratch, "products");
  const name = `c ${system}: example`;
  const title = `${name}, the libraries for C are built`;
  const built = await report.check(title, async () => {
    await buildForC(await ensureZig(), join(root, "ffi"), output, [target]);
    return await inspectProducts(output, [root, scratch, cacheFolder()]);
  });
  if (!built) return;
  const checks = {};
  for (const mode of Object.keys(modes)) {
    for (const kind of ["shared", "static"]) {
      checks[`${name}, ${kind} library, ${mode}`] = async () => {
        const folder = join(scratch, `echo-${kind}-${mode}`);
        const libraries = join(output, target.name, mode);
        const include = join(output, "include");
        const build = { kind, folder, libraries, include };
        const program = await compileExample({ ...context, ...build });
        return await exchange(program, bytes[system], start);
      };
    }
  }
  await report.checks(jobs, checks);
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

async function compileExample(build) {
  const { root, system, debian, kind, folder, libraries, include } = build;
  const target = targetOf(system);
  await mkdir(folder, { recursive: true });
  const program = join(folder, `echo${systems[system].suffix}`);
  if (kind === "shared") {
    await copyFile(join(libraries, target.file), join(folder, target.file));
  }
  const linked = kind === "static" ? target.archive : target.linked;
  const tools = { debian, folders: [root, folder, libraries] };
  await compile(system, tools, [
    ...warnings,
    ...argv`-std=gnu11 -Wpedantic ${kind === "static" ? "-DIOCP_STATIC" : ""}
      -I${include} ${root}/ffi/examples/echo.c ${join(libraries, linked)}`,
    ...[...systems[system].compile, ...systems[system].link, "-o", program],
  ]);
  return program;
}

async function exchange(program, bytes, start) {
  const run = (args, options) => start(program, args, options);
  const sizes = argv`${connections} ${bytes}`;
  const pattern = /listening on port (\d+)\s/;
  const server = await serve({ run }, pattern, argv`server 0 ${connections}`);
  const client = await run(argv`client ${server.match[1]} ${sizes}`);
  // Without the client the server would wait for its connections forever.
  const ended = client.ok ? await server.ended : await server.stop();
  return [client, ended].flatMap(problemsOf);
}
