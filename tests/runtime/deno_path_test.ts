// Copyright the iocp authors. MIT license.
/* The permissions of Deno for local sockets. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CompletionPort } from "../../mod.ts";
import type { Result } from "../programs/path_permissions.ts";
import { ownRuntime, programPath, run, start } from "../shared/child.ts";
import { repositoryPath, TemporaryFolder } from "../shared/files.ts";
import { isWindows, newPath } from "../shared/local.ts";

const target = isWindows
  ? "windows_x86_64/iocp.dll"
  : "linux_x86_64/libiocp.so";
const allowFfi = `--allow-ffi=${repositoryPath(`ffi/prebuilt/${target}`)}`;
const env = { IOCP_LIBRARY: undefined };

async function compare(path: string, flags: string[]): Promise<Result[]> {
  const args = [JSON.stringify(path)];
  const options = { flags: [allowFfi, ...flags], env };
  using child = start(programPath("path_permissions"), args, options);
  const { stdout, stderr } = await child.ended;
  assert.ok(stdout.startsWith("["), stdout + stderr);
  return JSON.parse(stdout) as Result[];
}

describe("Deno's permissions apply to a unix socket as to Deno's own", () => {
  const skip = ownRuntime.name !== "deno" && "only Deno has permissions" ||
    isWindows && "Deno's own are on Linux";
  const table: [read: string, write: string, net: string][] = [
    ["", "", ""],
    ["=PATH", "=PATH", "=unix:PATH"],
    ["=FOLDER", "=FOLDER", "=unix:PATH"],
    ["=PATH", "=PATH", "none"],
    ["=PATH", "none", "=unix:PATH"],
    ["none", "=PATH", "=unix:PATH"],
    ["", "", "none"],
    ["", "none", ""],
    ["none", "", ""],
    ["=/none", "", ""],
    ["", "=/none", ""],
    ["", "", "=unix:/none"],
    ["", "", "=127.0.0.1"],
    ["none", "none", "none"],
  ];
  for (const [read, write, net] of table) {
    const flags = Object.entries({ read, write, net })
      .filter(([, scope]) => scope !== "none")
      .map(([name, scope]) => `--allow-${name}${scope}`);
    test(flags.join(" ") || "no flag", { skip }, async () => {
      using folder = new TemporaryFolder();
      const path = folder.join("a.sock");
      const own = flags.map((flag) =>
        flag.replaceAll("PATH", path).replaceAll("FOLDER", folder.path)
      );
      const results = await compare(path, own);
      assert.equal(results.length, 3);
      for (const { call, ours, stock } of results) {
        /* The messages differ, but the names are the same. */
        if (stock.startsWith("NotCapable")) assert.equal(ours, stock, call);
        else assert.equal(ours.split(":")[0], stock.split(":")[0], call);
      }
    });
  }

  test("a deny flag is stronger", { skip }, async () => {
    using folder = new TemporaryFolder();
    const path = folder.join("a.sock");
    for (
      const denied of [`read=${path}`, `write=${path}`, `net=unix:${path}`]
    ) {
      const flags = ["--allow-read", "--allow-write", "--allow-net"];
      const results = await compare(path, [...flags, `--deny-${denied}`]);
      for (const { call, ours, stock } of results) {
        assert.match(stock, /^NotCapable/);
        assert.equal(ours, stock, call);
      }
    }
  });

  test("a path with .. is the one that it stands for", { skip }, async () => {
    using folder = new TemporaryFolder();
    const path = folder.join("a.sock");
    const scoped = (own: string) => [
      `--allow-read=${own}`,
      `--allow-write=${own}`,
      `--allow-net=unix:${own}`,
    ];
    const odd = `${folder.path}/none/../a.sock`;
    for (const { ours, stock } of await compare(odd, scoped(path))) {
      assert.equal(ours.split(":")[0], stock.split(":")[0]);
      assert.doesNotMatch(ours, /^NotCapable/);
    }
    const outside = `${folder.path}/../a.sock`;
    for (const { ours } of await compare(outside, scoped(folder.path))) {
      assert.match(ours, /^NotCapable/);
    }
  });

  test("an abstract name needs all paths", { skip }, async () => {
    const name = "\0iocp-test-permissions";
    const all = ["--allow-read", "--allow-write", "--allow-net"];
    for (const { ours, stock } of await compare(name, all)) {
      assert.equal(ours.split(":")[0], stock.split(":")[0]);
    }
    for (const left of all) {
      const flags = all.filter((flag) => flag !== left);
      for (const { ours } of await compare(name, flags)) {
        assert.match(ours, /^NotCapable: .*@?iocp-test-permissions/);
      }
    }
  });

  test("adopt() needs those of the path", { skip }, async () => {
    using port = new CompletionPort();
    const path = newPath();
    port.listen({ path });
    const scoped = (own: string) => [
      `--allow-read=${own}`,
      `--allow-write=${own}`,
      `--allow-net=unix:${own}`,
    ];
    const refused = "addSocket: NotCapable\nadopt: NotCapable";
    const table: [flags: string[], printed: string][] = [
      [[], refused],
      [scoped("/none"), refused],
      [scoped(path).slice(0, 2), refused],
      [scoped(path), "addSocket: adopted"],
    ];
    for (const [own, printed] of table) {
      const flags = ["--allow-ffi", ...own];
      const { stdout, stderr } = await run("adopt", [path], { flags, env });
      assert.equal(stdout.trim(), printed, stderr);
    }
  });
});

describe("Deno's permissions for a named pipe", () => {
  const skip = ownRuntime.name !== "deno" && "only Deno has permissions" ||
    !isWindows && "Linux has none";
  const path = newPath();
  const other = newPath();
  const scoped = (own: string) => [
    `--allow-read=${own}`,
    `--allow-write=${own}`,
  ];
  const none = "NotFound";
  /* connect(), which finds no pipe if it is permitted, and listen(). */
  const table: [what: string, flags: string[], results: string[]][] = [
    ["none", [], ["NotCapable", "NotCapable"]],
    ["those of the pipe", scoped(path), [none, ""]],
    ["those of another pipe", scoped(other), ["NotCapable", "NotCapable"]],
    ["read alone", scoped(path).slice(0, 1), ["NotCapable", "NotCapable"]],
    ["write alone", scoped(path).slice(1), ["NotCapable", "NotCapable"]],
    ["net alone", [`--allow-net=unix:${path}`], ["NotCapable", "NotCapable"]],
  ];
  for (const [what, flags, [connecting, listening]] of table) {
    test(what, { skip }, async () => {
      const names = new Map(
        (await compare(path, flags)).map((
          { call, ours },
        ) => [call, ours.split(":")[0]]),
      );
      assert.equal(names.get("connect"), connecting);
      assert.equal(names.get("connectSync"), connecting);
      assert.equal(names.get("listen"), listening);
    });
  }

  test("and for a unix socket, with the file beside it", { skip }, async () => {
    const file = "C:\\iocp-test-permissions.sock";
    const lock = `${file}.lock`;
    const both = [
      `--allow-read=${file},${lock}`,
      `--allow-write=${file},${lock}`,
    ];
    const net = `--allow-net=unix:${file}`;
    const listening = async (flags: string[]) =>
      (await compare(file, flags)).find(({ call }) => call === "listen")!.ours;
    assert.match(
      await listening([...scoped(file), net]),
      /^NotCapable.*sock.lock/,
    );
    /* Where the system has unix sockets, "". */
    assert.doesNotMatch(await listening([...both, net]), /^NotCapable/);
  });

  test("each form of its name is the same", { skip }, async () => {
    const form = path.replaceAll("\\", "/");
    for (const { ours } of await compare(form, scoped(path))) {
      assert.doesNotMatch(ours, /^NotCapable/);
    }
  });
});
