// Copyright the iocp authors. MIT license.
/* The permissions of Deno for datagrams. */

import assert from "node:assert/strict";
import process from "node:process";
import { describe, test } from "node:test";
import { CompletionPort } from "../../mod.ts";
import type { Result } from "../programs/datagram_permissions.ts";
import { ownRuntime, programPath, start } from "../shared/child.ts";
import { collectGarbage } from "../shared/collect.ts";
import { repositoryPath, TemporaryFolder } from "../shared/files.ts";
import { isWindows } from "../shared/local.ts";

const target = isWindows
  ? "windows_x86_64/iocp.dll"
  : "linux_x86_64/libiocp.so";
const allowFfi = `--allow-ffi=${repositoryPath(`ffi/prebuilt/${target}`)}`;
const env = { IOCP_LIBRARY: undefined };
const hosts = ["127.0.0.1", "localhost", "0.0.0.0"];

async function compare(flags: string[], path?: string): Promise<Result[]> {
  const args = [JSON.stringify([path === undefined ? hosts : [], path])];
  const options = { flags: ["--unstable-net", allowFfi, ...flags], env };
  using child = start(programPath("datagram_permissions"), args, options);
  const { stdout, stderr } = await child.ended;
  assert.ok(stdout.startsWith("["), stdout + stderr);
  return JSON.parse(stdout) as Result[];
}

/* The messages of other errors differ, but their names are the same. */
function check(results: Result[]): void {
  assert.ok(results.length > 0);
  for (const { call, ours, stock } of results) {
    if (stock.startsWith("NotCapable")) assert.equal(ours, stock, call);
    else assert.doesNotMatch(ours, /^NotCapable/, call);
  }
}

const onlyDeno = ownRuntime.name !== "deno" && "only Deno has permissions";

describe("Deno's net permission applies to datagrams as to Deno's own", () => {
  const skip = onlyDeno;
  const table: string[][] = [
    [],
    ["--allow-net"],
    ["--deny-net"],
    ["--allow-net=127.0.0.1"],
    ["--allow-net=127.0.0.1:0"],
    ["--allow-net=127.0.0.1:0,127.0.0.1:9"],
    ["--allow-net=localhost"],
    ["--allow-net=127.0.0.1:0,localhost:9"],
    ["--allow-net", "--deny-net=127.0.0.1:9"],
    ["--allow-net", "--deny-net=localhost"],
    ["--allow-net=127.0.0.1", "--deny-net=127.0.0.1:9"],
  ];
  for (const flags of table) {
    test(flags.join(" ") || "no flag", { skip }, async () => {
      check(await compare(flags));
    });
  }
});

/* Deno retains what it was ever asked for. */
test("The permissions of peers take no memory where everything is permitted", {
  skip: onlyDeno,
}, async () => {
  using port = new CompletionPort();
  using socket = port.bind({ hostname: "127.0.0.1", port: 0 });
  let count = 0;
  const sendToOthers = async (more: number) => {
    for (const last = count + more; count < last; count++) {
      const hostname = `127.1.${count >> 8}.${count & 255}`;
      await socket.send(new Uint8Array(1), { hostname, port: 9 });
    }
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  /* The socket remembers the structs of 2,048 addresses. */
  const before = await sendToOthers(5_000);
  const grown = await sendToOthers(20_000) - before;
  assert.ok(grown < 2 << 20, `${grown} bytes more`);
});

describe("Deno's permissions apply to unix datagrams as to Deno's own", () => {
  const skip = onlyDeno || isWindows && "Deno's own are on Linux";
  const table: string[][] = [
    [],
    ["--allow-read=PATH", "--allow-write=PATH", "--allow-net=unix:PATH"],
    ["--allow-read=PATH", "--allow-write=PATH"],
    ["--allow-read=PATH", "--allow-net=unix:PATH"],
    ["--allow-write=PATH", "--allow-net=unix:PATH"],
    ["--allow-read", "--allow-write", "--allow-net"],
    ["--allow-read", "--allow-write", "--allow-net", "--deny-write=PATH"],
    ["--allow-read", "--allow-write", "--allow-net", "--deny-net=unix:PATH"],
  ];
  for (const flags of table) {
    test(flags.join(" ") || "no flag", { skip }, async () => {
      using folder = new TemporaryFolder();
      const path = folder.join("a.sock");
      const own = flags.map((flag) => flag.replace("PATH", path));
      check(await compare(own, path));
    });
  }
});
