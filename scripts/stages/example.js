// Copyright the iocp authors. MIT license.

// The example for C programs, built as a user builds it: from the public
// headers and each of the libraries that `npm run build:c` makes.

import { copyFile, mkdir, readdir, readFile } from "node:fs/promises";
import { join, sep } from "node:path";
import { buildForC } from "../../ffi/build_c.js";
import { modes, targets, warnings } from "../../ffi/compile.js";
import { inspectArchive } from "../../ffi/inspect.js";
import {
  cacheFolder,
  describeEnd,
  ensureDebian,
  runOrThrow,
  zigEnvironment,
} from "../setup.js";

const connections = 200;
const systems = {
  linux: { bytes: 200_000, flags: ["-pthread"], libraries: [] },
  windows: { bytes: 20_000, flags: [], libraries: ["-lws2_32"] },
};

/**
 * Builds ffi/examples/echo.c with the shared and the static library, release
 * and debug, and has a server and a client of each exchange checked data.
 */
export async function testExample(report, root, system, scratch, runner) {
  const target = targets.find((one) => one.system === system);
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
        const program = await compile(root, system, {
          kind,
          folder,
          libraries,
          include: join(output, "include"),
          ...runner,
        });
        return await exchange(system, program, folder, runner.start);
      });
    }
  }
}

// Nothing in what users get may tell of the machine it was built on.
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

async function compile(root, system, build) {
  const { kind, folder, libraries, include, zig, debian } = build;
  const names = targets.find((one) => one.system === system);
  await mkdir(folder, { recursive: true });
  const program = join(folder, system === "windows" ? "echo.exe" : "echo");
  const linked = kind === "static" ? names.archive : names.linked;
  const args = [
    ...warnings,
    "-std=gnu11",
    "-Wpedantic",
    ...(kind === "static" ? ["-DIOCP_STATIC"] : []),
    `-I${include}`,
    join(root, "ffi/examples/echo.c"),
    join(libraries, linked),
    ...systems[system].libraries,
    ...systems[system].flags,
    ...(system === "linux" ? ["-Wl,-rpath,$ORIGIN"] : []),
    "-o",
    program,
  ];
  if (kind === "shared") {
    await copyFile(
      join(libraries, names.file),
      join(folder, names.file),
    );
  }
  const timeout = 600_000;
  if (system === "windows" && debian) {
    const gcc = "x86_64-w64-mingw32-gcc-win32";
    const folders = [root, folder, libraries];
    const all = [...args, "-static-libgcc"];
    const result = await debian.run(gcc, all, { folders, timeout });
    if (!result.ok) throw new Error(result.output || describeEnd(result));
    return program;
  }
  const triple = targets.find((one) => one.system === system).triple;
  await runOrThrow(zig, ["cc", "-target", triple, ...args], {
    env: zigEnvironment(),
    timeout,
  });
  return program;
}

// Returns what went wrong.
async function exchange(system, program, folder, start) {
  const { bytes } = systems[system];
  const stop = new AbortController();
  let text = "";
  let listening;
  const port = new Promise((resolve) => listening = resolve);
  const server = start(program, ["server", "0", `${connections}`], folder, {
    signal: stop.signal,
    onStdout: (chunk) => {
      text += chunk;
      const match = /listening on port (\d+)\s/.exec(text);
      if (match) listening(match[1]);
    },
  });
  const number = await Promise.race([port, server.then(() => null)]);
  const args = ["client", number, `${connections}`, `${bytes}`];
  const client = number && await start(program, args, folder);
  // It would wait for its connections for ever.
  if (!client?.ok) stop.abort();
  const ended = await server;
  const problems = [];
  for (const [side, result] of [["client", client], ["server", ended]]) {
    if (result?.ok) continue;
    problems.push(`${side}: ${result?.output}${result && describeEnd(result)}`);
  }
  return problems;
}
