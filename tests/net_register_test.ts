// Copyright the iocp authors. MIT license.
/* Libraries that use node:net run over iocp/net with one line. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Ended, ownRuntime, programPath, start } from "./shared/child.ts";
import { TemporaryFolder } from "./shared/files.ts";
import { newPath } from "./shared/local.ts";

const register = new URL("../net_register.ts", import.meta.url);
const isDeno = ownRuntime.name === "deno";

/* Runs a program with net_register.ts before it. */
async function preloaded(...args: string[]): Promise<Ended> {
  const flags = ["-A", "--preload", register.href];
  const options = isDeno
    ? { flags }
    : { command: ["--preload", fileURLToPath(register)] };
  using child = start(programPath("net_libraries"), args, options);
  return await child.ended;
}

async function prints(text: string, ...args: string[]): Promise<void> {
  const { code, signal, stdout, stderr } = await preloaded(...args);
  assert.deepEqual([code, signal, stdout.trim()], [0, null, text], stderr);
}

describe("With iocp/net/register", () => {
  test("imports and require() of net lead to iocp/net", async () => {
    await prints("imported true, required true true", "names");
  });

  test("ssh2 runs over it, the client and the server", async () => {
    await prints("ssh2 works", "ssh");
  });

  test("vscode-jsonrpc runs over it, on a path", async () => {
    await prints("the sum is 5", "jsonrpc", newPath());
  });

  test("tls runs over its sockets", async () => {
    await prints("over TLS", "tls");
  });

  test("the runtime's http and child processes work as before", async () => {
    await prints("http and child processes work", "others");
  });
});

test("An import of iocp/net/register serves the libraries after it", async () => {
  using folder = new TemporaryFolder();
  const net = new URL("../net.ts", import.meta.url).href;
  const path = folder.write(
    "program.ts",
    `import ${JSON.stringify(register.href)};
import { createRequire } from "node:module";
import { Socket } from ${JSON.stringify(net)};
const require = createRequire(import.meta.url);
console.log(require("net").Socket === Socket);`,
  );
  using child = start(path);
  const { code, stdout, stderr } = await child.ended;
  assert.deepEqual([code, stdout.trim()], [0, "true"], stderr);
});

test("Deno's import map leads a program to iocp/net", async (t) => {
  if (!isDeno) {
    t.diagnostic("Bun has no import maps");
    return;
  }
  using folder = new TemporaryFolder();
  const { href } = new URL("../net.ts", import.meta.url);
  const imports = { "node:net": href, ours: href };
  const map = folder.write("map.json", JSON.stringify({ imports }));
  const path = folder.write(
    "program.ts",
    `import { Socket } from "node:net";
import { Socket as Ours } from "ours";
console.log(Socket === Ours);`,
  );
  using child = start(path, [], { flags: ["-A", `--import-map=${map}`] });
  const { code, stdout, stderr } = await child.ended;
  assert.deepEqual([code, stdout.trim()], [0, "true"], stderr);
});
