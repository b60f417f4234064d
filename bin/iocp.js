#!/usr/bin/env node
// Copyright the iocp authors. MIT license.

// The program `iocp` of the npm package. Deno and Bun run it directly; under
// Node.js, as with npx, it looks for one of them and runs the program there.

const isRuntime = "Deno" in globalThis || "Bun" in globalThis;
const cli = new URL("../dist/cli.js", import.meta.url);

if (isRuntime) await import(cli.href);
else process.exitCode = await runElsewhere();

async function runElsewhere() {
  const { spawnSync } = await import("node:child_process");
  const { fileURLToPath } = await import("node:url");
  const runtimes = [["deno", ["run", "-A"]], ["bun", []]];
  for (const [name, flags] of runtimes) {
    const found = await find(name);
    if (found === undefined) continue;
    const args = [...flags, fileURLToPath(cli), ...process.argv.slice(2)];
    const { status, error } = spawnSync(...command(found, args), {
      stdio: "inherit",
      windowsVerbatimArguments: found.endsWith(".cmd"),
    });
    if (error === undefined) return status ?? 1;
    console.error(`iocp: cannot start ${found}: ${error.message}`);
  }
  console.error(
    "iocp: neither Deno nor Bun is in PATH: install one of them, " +
      "from https://deno.com or https://bun.com, and run this again",
  );
  return 1;
}

/* Programs that npm has installed are scripts on Windows, which only the command
 * processor runs. */
function command(path, args) {
  if (!path.endsWith(".cmd")) return [path, args];
  const line = [path, ...args].map((word) => `"${word}"`).join(" ");
  return [process.env.ComSpec ?? "cmd.exe", ["/d", "/s", "/c", `"${line}"`]];
}

async function find(name) {
  const { existsSync } = await import("node:fs");
  const { delimiter, join } = await import("node:path");
  const endings = process.platform === "win32" ? [".exe", ".cmd"] : [""];
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    for (const ending of endings) {
      const path = join(folder, name + ending);
      if (folder !== "" && existsSync(path)) return path;
    }
  }
  return undefined;
}
