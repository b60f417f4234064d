// Copyright the iocp authors. MIT license.
/* Features that only Deno has: permissions, and modules from URLs. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { describe, test } from "node:test";
import { CompletionPort } from "../../mod.ts";
import linux from "../../src/native/linux_x86_64.ts";
import windows from "../../src/native/windows_x86_64.ts";
import type { Call, Result } from "../programs/permissions.ts";
import { ownRuntime, programPath, run, start } from "../shared/child.ts";
import {
  copyModule,
  LIBRARY_PROGRAM,
  repositoryPath,
  TemporaryFolder,
} from "../shared/files.ts";

const isDeno = ownRuntime.name === "deno";
const isWindows = process.platform === "win32";
const own = isWindows ? windows : linux;
const target = isWindows ? "windows_x86_64" : "linux_x86_64";
const libraryPath = repositoryPath(`ffi/prebuilt/${target}/${own.name}`);
const allowFfi = `--allow-ffi=${libraryPath}`;
const noLibrary = { IOCP_LIBRARY: undefined };
const cacheVariable = isWindows ? "LOCALAPPDATA" : "XDG_CACHE_HOME";

/* Runs LIBRARY_PROGRAM in a copy of the module or in the repository. */
async function load(
  program: string,
  flags: string[],
  env: Record<string, string | undefined> = {},
): Promise<string> {
  const options = { flags, env: { ...noLibrary, ...env } };
  using child = start(program, [], options);
  const { stdout, stderr, code, signal } = await child.ended;
  return stdout.trim() || stderr || `ended with ${code ?? signal}`;
}

const hosts = ["127.0.0.1", "localhost", "LOCALHOST", "0.0.0.0", "::1"];
const CALLS: Call[] = [
  ...hosts.map((hostname): Call => ({ name: "listen", hostname, port: 0 })),
  ...["connect", "connectSync"].flatMap((name) =>
    hosts.map((hostname) => ({ name, hostname, port: 1 }) as Call)
  ),
];

/* The name of the error; "" for success. */
function nameOf(result: string): string {
  return result.split(":")[0]!;
}

async function compare(flags: string[]): Promise<Result[]> {
  const args = [JSON.stringify(CALLS)];
  const options = { flags: [allowFfi, ...flags], env: noLibrary };
  using child = start(programPath("permissions"), args, options);
  const { stdout, stderr } = await child.ended;
  assert.ok(stdout.startsWith("["), stdout + stderr);
  return JSON.parse(stdout) as Result[];
}

describe("Deno's net permission applies as to Deno's own sockets", {
  skip: !isDeno && "only Deno has permissions",
}, () => {
  const table: string[][] = [
    [],
    ["--allow-net"],
    ["--deny-net"],
    ["--allow-net=127.0.0.1"],
    ["--allow-net=127.0.0.1:1"],
    ["--allow-net=127.0.0.1:2"],
    ["--allow-net=[::1]"],
    ["--allow-net=[::1]:1"],
    ["--allow-net=localhost"],
    ["--allow-net=localhost:1"],
    ["--allow-net", "--deny-net=127.0.0.1"],
    ["--allow-net", "--deny-net=127.0.0.1:1"],
    ["--allow-net", "--deny-net=localhost"],
    ["--allow-net=localhost", "--deny-net=127.0.0.1"],
    ["--allow-net=localhost", "--deny-net=127.0.0.1:1"],
  ];
  for (const flags of table) {
    test(flags.join(" ") || "no flag", async () => {
      const results = await compare(flags);
      for (const [i, { ours, stock }] of results.entries()) {
        const { name, hostname, port } = CALLS[i]!;
        const what = `${name} ${hostname}:${port}`;
        /* The messages differ, but the names are the same. */
        if (stock.startsWith("NotCapable")) assert.equal(ours, stock, what);
        else assert.equal(nameOf(ours), nameOf(stock), `${what}: ${ours}`);
      }
    });
  }
});

describe("In Deno", { skip: !isDeno && "only Deno has these" }, () => {
  const program = repositoryPath("tests/programs/library.ts");

  test("the permissions for ffi and net are enough", async () => {
    const printed = await load(program, [allowFfi, "--allow-net"]);
    assert.equal(printed, `loaded ${libraryPath}`);
  });

  test("an exact net permission is enough", async () => {
    const flags = [allowFfi, "--allow-net=127.0.0.1"];
    assert.equal(await load(program, flags), `loaded ${libraryPath}`);
  });

  test("blocking calls need no other permissions", async () => {
    const flags = [allowFfi, "--allow-net"];
    const options = { flags, env: noLibrary };
    const { stdout, stderr } = await run("blocking", ["oneThread"], options);
    assert.equal(stdout.trim(), "done", stderr);
  });

  test("a socket can be adopted only with the permission for its peer", async () => {
    using port = new CompletionPort();
    const { addr } = port.listen({ hostname: "127.0.0.1", port: 0 });
    const refused = "addSocket: NotCapable\nadopt: NotCapable";
    const table: [flags: string[], printed: string][] = [
      [[], refused],
      [["--allow-net=127.0.0.2"], refused],
      [[`--allow-net=127.0.0.1:${addr.port}`], "addSocket: adopted"],
      [["--allow-net"], "addSocket: adopted"],
    ];
    for (const [net, printed] of table) {
      const options = { flags: ["--allow-ffi", ...net], env: noLibrary };
      const { stdout, stderr } = await run("adopt", [`${addr.port}`], options);
      assert.equal(stdout.trim(), printed, stderr);
    }
  });

  test("the error names a missing ffi permission", async () => {
    const printed = await load(program, ["--allow-net"]);
    assert.match(printed, /^LibraryError: Cannot open the iocp library/);
    assert.ok(printed.includes(allowFfi), printed);
  });

  test("an ffi permission for another file is not enough", async () => {
    const printed = await load(program, [
      "--allow-net",
      "--allow-ffi=/other.so",
    ]);
    assert.match(printed, /^LibraryError: Cannot open the iocp library/);
    assert.ok(printed.includes(allowFfi), printed);
  });

  test("the error of a copy without ffi/ names the permissions for extracting", async () => {
    using copy = new TemporaryFolder();
    copyModule(copy);
    const path = copy.write("main.ts", LIBRARY_PROGRAM);
    const printed = await load(path, ["--allow-net", "--allow-ffi"]);
    assert.match(printed, /^LibraryError/);
    assert.match(printed, /--allow-env --allow-read --allow-write/);
  });
});

/* Serves the module without ffi/ over HTTP. */
async function serve(): Promise<{ url: string; close(): void }> {
  const server = createServer((request, response) => {
    const path = request.url!.slice(1);
    response.setHeader("content-type", "application/typescript");
    if (path === "main.ts") response.end(LIBRARY_PROGRAM);
    else if (/^(mod\.ts|src\/[\w/]+\.ts)$/.test(path)) {
      response.end(readFileSync(repositoryPath(path)));
    } else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `127.0.0.1:${port}`,
    close: () => server.close(),
  };
}

test("The module can be imported from a URL", {
  skip: !isDeno && "only Deno imports from URLs",
}, async () => {
  using cache = new TemporaryFolder();
  using modules = new TemporaryFolder();
  const { url, close } = await serve();
  const env = { [cacheVariable]: cache.path, DENO_DIR: modules.path };
  const path = cache.join("iocp", own.sha256, own.name);
  const printed = await load(`http://${url}/main.ts`, ["-A"], env);
  assert.equal(printed, `loaded ${path}`);
  const exact = [
    "--cached-only",
    `--allow-import=${url}`,
    `--allow-ffi=${path}`,
    "--allow-net=127.0.0.1",
    `--allow-env=${cacheVariable},IOCP_LIBRARY`,
    `--allow-read=${cache.path}`,
    `--allow-write=${cache.path}`,
  ];
  const again = await load(`http://${url}/main.ts`, exact, env);
  assert.equal(again, `loaded ${path}`);
  close();
});
