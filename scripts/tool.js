// Copyright the iocp authors. MIT license.

// Runs an installed tool by hand, for example:
//   node scripts/tool.js zig cc -target x86_64-windows-gnu -o a.exe a.c
//   node scripts/tool.js wine a.exe
//   node scripts/tool.js debian x86_64-w64-mingw32-gcc -c a.c

import { resolve } from "node:path";
import process from "node:process";
import {
  bunPath,
  denoPath,
  ensureDebian,
  ensureNodeModules,
  ensureWine,
  ensureZig,
  run,
  zigEnvironment,
} from "./setup.js";

const options = { cwd: process.cwd(), show: true };

const tools = {
  async zig(args) {
    const zig = await ensureZig();
    return await run(zig, args, { ...options, env: zigEnvironment() });
  },
  async wine([program, ...args]) {
    const { wine, reason } = await ensureWine();
    if (!wine) throw new Error(`Wine is not available: ${reason}`);
    return await wine.run(resolve(program), args, options);
  },
  async debian([program, ...args]) {
    const { debian, reason } = await ensureDebian();
    if (!debian) throw new Error(`Debian 13 is not available: ${reason}`);
    return await debian.run(program, args, options);
  },
};
for (const [name, path] of Object.entries({ deno: denoPath, bun: bunPath })) {
  tools[name] = async (args) => {
    await ensureNodeModules();
    return await run(path(), args, options);
  };
}

const [name, ...args] = process.argv.slice(2);
if (!Object.hasOwn(tools, name ?? "")) {
  console.error(
    `usage: node scripts/tool.js TOOL ARGUMENTS\n` +
      `where TOOL is one of ${Object.keys(tools).join(", ")}`,
  );
  process.exit(2);
}
const result = await tools[name](args);
process.exit(result.code ?? 1);
