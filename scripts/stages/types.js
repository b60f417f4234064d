// Copyright the iocp authors. MIT license.

import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import {
  denoPath,
  describeEnd,
  ensureNodeModules,
  repository,
  run,
  tscPath,
} from "../setup.js";

const foldersOfTypeScript = ["tests", "examples", "bench"];

/** The types hold for Deno, for Bun, and for a consumer without either's. */
export async function typesStage({ report }) {
  await ensureNodeModules();
  await report.check("types: deno check", async () => {
    const own = ["mod.ts", "scripts/types/deno.ts"];
    const files = [...own, ...await typeScriptFiles()];
    return await outcome(denoPath(), ["check", "--quiet", ...files]);
  });
  await report.check("types: deno doc --lint", async () => {
    return await outcome(denoPath(), ["doc", "--quiet", "--lint", "mod.ts"]);
  });
  for (const project of ["bun", "consumer"]) {
    await report.check(`types: tsc, ${project}`, async () => {
      const config = join(repository, "scripts", "types", `${project}.json`);
      return await outcome(process.execPath, [tscPath(), "-p", config]);
    });
  }
}

async function typeScriptFiles() {
  const files = [];
  for (const folder of foldersOfTypeScript) {
    if (!existsSync(join(repository, folder))) continue;
    const names = await readdir(join(repository, folder), { recursive: true });
    files.push(
      ...names.filter((name) => name.endsWith(".ts"))
        .map((name) => join(folder, name)).sort(),
    );
  }
  return files;
}

async function outcome(file, args) {
  const env = { ...process.env, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" };
  const result = await run(file, args, { cwd: repository, env });
  return result.ok ? [] : [result.output.trim() || describeEnd(result)];
}
