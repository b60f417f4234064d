// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import { lstatSync } from "node:fs";
import process from "node:process";
import { describe, test } from "node:test";
import { connect, listen, localSocketPath } from "../mod.ts";
import { programPath, start } from "./shared/child.ts";
import { within } from "./shared/deadline.ts";
import { TemporaryFolder } from "./shared/files.ts";
import { isWindows } from "./shared/local.ts";

const name = `iocp-test-${process.pid}`;

/* The path, or the error, in a process with this environment. */
async function pathIn(
  env: Record<string, string | undefined>,
  flags = ["-A"],
  own = name,
): Promise<string> {
  const options = { env, flags };
  using child = start(programPath("local_path"), [own], options);
  const { stdout, stderr } = await child.ended;
  assert.notEqual(stdout, "", stderr);
  return stdout.trim();
}

test("localSocketPath() is a path for both ends", async () => {
  const path = localSocketPath(name);
  assert.equal(localSocketPath(name), path);
  using listener = listen({ path, access: "user", replaceStale: true });
  using client = await connect({ path });
  using server = await within("accept", listener.accept());
  await client.write(new Uint8Array(3));
  assert.equal(await within("a read", server.read(new Uint8Array(4))), 3);
  assert.equal(listener.addr.path, path);
});

test("localSocketPath() accepts names, and refuses other texts", () => {
  for (const name of ["a", "A-1_b.c", "discord-ipc-0", "x".repeat(60), "_"]) {
    assert.ok(localSocketPath(name).endsWith(name));
  }
  const wrong = [
    "",
    ".",
    "..",
    ".a",
    "a.",
    "a/b",
    "../a",
    "a\\b",
    "a b",
    "a\0",
    "ü",
    "a:b",
    "a\n",
    null,
    undefined,
    1,
    {},
  ];
  for (const name of wrong) {
    assert.throws(
      () => localSocketPath(name as string),
      (error: Error) =>
        error instanceof TypeError && error.message.includes('"name"'),
      String(name),
    );
  }
  assert.throws(
    () => localSocketPath("x".repeat(256)),
    (error: Error) =>
      error instanceof RangeError && error.message.includes('"name"'),
  );
});

test("localSocketPath() is a named pipe on Windows", {
  skip: !isWindows && "Linux has none",
}, () => {
  assert.equal(localSocketPath("my-app"), "\\\\.\\pipe\\my-app");
  assert.equal(localSocketPath("x".repeat(247)).length, 256);
  assert.throws(() => localSocketPath("x".repeat(248)), RangeError);
});

describe("On Linux localSocketPath()", {
  skip: isWindows && "Windows has named pipes",
}, () => {
  const folder = `/tmp/iocp-${process.getuid?.()}`;

  test("is in XDG_RUNTIME_DIR", async () => {
    using runtime = new TemporaryFolder();
    const env = { XDG_RUNTIME_DIR: `${runtime.path}/` };
    assert.equal(await pathIn(env), `${runtime.path}/${name}`);
  });

  test("is otherwise in a folder of the user", async () => {
    for (const XDG_RUNTIME_DIR of [undefined, "", "relative"]) {
      assert.equal(await pathIn({ XDG_RUNTIME_DIR }), `${folder}/${name}`);
      const { mode, uid } = lstatSync(folder);
      assert.equal(mode & 0o777, 0o700);
      assert.equal(uid, process.getuid!());
    }
  });

  test("refuses a folder that is too long for a socket", async () => {
    const XDG_RUNTIME_DIR = `/${"x".repeat(100)}`;
    assert.match(
      await pathIn({ XDG_RUNTIME_DIR }),
      /^RangeError: The "name" argument must make a path of at most 107 bytes/,
    );
  });

  test("needs few permissions of Deno", {
    skip: !("Deno" in globalThis) && "only Deno has permissions",
  }, async () => {
    using runtime = new TemporaryFolder();
    const ffi = "--allow-ffi";
    const xdg = { XDG_RUNTIME_DIR: runtime.path };
    const none = { XDG_RUNTIME_DIR: undefined };
    const env = "--allow-env=XDG_RUNTIME_DIR";
    assert.match(await pathIn(xdg, [ffi]), /NotCapable.*XDG_RUNTIME_DIR/);
    assert.equal(await pathIn(xdg, [ffi, env]), `${runtime.path}/${name}`);
    assert.match(await pathIn(none, [ffi, env]), /NotCapable.*uid/);
    const flags = [
      ffi,
      env,
      "--allow-sys=uid",
      `--allow-read=${folder}`,
      `--allow-write=${folder}`,
    ];
    assert.equal(await pathIn(none, flags), `${folder}/${name}`);
  });
});
