// Copyright the iocp authors. MIT license.
/* The effects of importing the module, and that no operation or resource of the
 * module outlives the sockets of the user, which Deno's test runner checks. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { preload } from "../src/loop/preload.ts";
import { runtime } from "../src/runtime/detect.ts";
import { type Ended, programPath, start } from "./shared/child.ts";
import { copyModule, TemporaryFolder } from "./shared/files.ts";

const skip = runtime.preloads
  ? false
  : `${runtime.name} does not check tests for leaks`;

test("Importing the module loads the library in runtimes that need it", () => {
  assert.equal(preload(), runtime.preloads);
});

async function sanitized(rounds: number): Promise<Ended> {
  using child = start(programPath("sanitized"), [], {
    command: [
      ...["test", "--quiet", "--no-check", "--no-lock", "-A"],
      ...["--sanitize-ops", "--sanitize-resources"],
    ],
    env: { IOCP_TEST_ROUNDS: `${rounds}` },
  });
  return await child.ended;
}

/* A process that keeps one processor busy. */
function busy(folder: TemporaryFolder) {
  return start(folder.write("busy.js", "for (;;);"));
}

describe(
  "A test that closes all its sockets leaks nothing",
  { skip },
  () => {
    test("in any way to open and close them", async () => {
      const { code, stdout, stderr } = await sanitized(190);
      assert.equal(code, 0, stdout + stderr);
      assert.match(stdout, /190 passed/);
    });

    test("while other processes use the processors", async () => {
      using folder = new TemporaryFolder();
      using _one = busy(folder);
      using _two = busy(folder);
      for (let i = 0; i < 3; i++) {
        const { code, stdout, stderr } = await sanitized(152);
        assert.equal(code, 0, stdout + stderr);
      }
    });
  },
);

/* Imports a copy of the module and prints the effects. */
const PROGRAM = `
const requested = [];
for (const name of ["request", "requestSync"]) {
  Deno.permissions[name] = (what) => { requested.push(what); throw new Error(); };
}
const { CompletionPort } = await import("./mod.ts");
let used = "yes";
try {
  new CompletionPort().close();
} catch (error) {
  used = error.name;
}
console.log(JSON.stringify({ requested, used }));
`;

async function imported(
  flags: string[],
  env: Record<string, string | undefined> = {},
) {
  using folder = new TemporaryFolder();
  copyModule(folder);
  const program = folder.write("program.js", PROGRAM);
  const options = { flags, env: { IOCP_LIBRARY: undefined, ...env } };
  using child = start(program, [], options);
  const { code, stdout, stderr } = await child.ended;
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as { requested: unknown[]; used: string };
}

describe("Importing the module", { skip }, () => {
  test("does not prompt and does not fail", async () => {
    using cache = new TemporaryFolder();
    const env = { XDG_CACHE_HOME: cache.path, LOCALAPPDATA: cache.path };
    for (
      const flags of [
        /* Deno grants a child process all permissions if it has no flags. */
        ["--allow-sys"],
        ["--allow-ffi"],
        ["--allow-read"],
        ["--allow-ffi", "--allow-read"],
        ["--allow-ffi", "--allow-read", "--allow-env"],
        ["--allow-ffi", "--allow-write", "--allow-env"],
      ]
    ) {
      const { requested, used } = await imported(flags, env);
      assert.deepEqual(requested, [], flags.join());
      /* The first call reports the missing permission. */
      assert.equal(used, "LibraryError", `with ${flags.join()}`);
    }
  });

  test("does not fail with a library that cannot be used", async () => {
    const { used } = await imported(["-A"], { IOCP_LIBRARY: "/not/there" });
    assert.equal(used, "LibraryError");
  });

  test("writes no file without the permission", async () => {
    using cache = new TemporaryFolder();
    const env = { XDG_CACHE_HOME: cache.path, LOCALAPPDATA: cache.path };
    const flags = ["--allow-ffi", "--allow-read", "--allow-env"];
    assert.equal((await imported(flags, env)).used, "LibraryError");
    assert.equal((await imported(["-A"], env)).used, "yes");
  });
});
