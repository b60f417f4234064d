// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { LibraryError, NotSupported } from "../mod.ts";
import { checkAbi, findLibrary, openLibrary } from "../src/library.ts";
import linux from "../src/native/linux_x86_64.ts";
import windows from "../src/native/windows_x86_64.ts";
import { runtime } from "../src/runtime.ts";
import { ABI } from "../src/symbols.ts";
import { type ChildOptions, start } from "./shared/child.ts";
import {
  copyModule,
  embed,
  LIBRARY_PROGRAM,
  MemoryFiles,
  repositoryPath,
  sha256,
  TemporaryFolder,
} from "./shared/files.ts";
import { pattern } from "./shared/pattern.ts";

const isWindows = process.platform === "win32";
const target = isWindows ? "windows_x86_64" : "linux_x86_64";
const own = isWindows ? windows : linux;
const embedded = embed("lib.so", pattern(100));

function environment(variables: Record<string, string>) {
  return (name: string): string | undefined => variables[name];
}
const beside = new URL("../ffi/prebuilt/any/lib.so", import.meta.url).pathname;

/* The paths of all candidates. */
function candidates(
  variables: Record<string, string>,
  files: MemoryFiles,
): string[] {
  const env = environment({ XDG_CACHE_HOME: "/cache", ...variables });
  const found = findLibrary(env, "any", files, embedded);
  return [...found].map(({ path, isVerified }) =>
    isVerified ? path : `maybe ${path}`
  );
}

const extracted = `/cache/iocp/${embedded.sha256}/lib.so`;

test("findLibrary() takes IOCP_LIBRARY and nothing else", () => {
  const files = new MemoryFiles();
  assert.deepEqual(candidates({ IOCP_LIBRARY: "/my/lib.so" }, files), [
    "/my/lib.so",
  ]);
  assert.deepEqual(candidates({ IOCP_LIBRARY: "my/lib.so" }, files), [
    "/cwd/my/lib.so",
  ]);
  assert.deepEqual(files.log, []);
});

test("findLibrary() takes the file beside the module", () => {
  const files = new MemoryFiles();
  files.files.set(beside, pattern(100));
  assert.deepEqual(candidates({ IOCP_LIBRARY: "" }, files), [beside]);
  assert.deepEqual(files.log, []);
});

test("findLibrary() refuses another build beside the module", () => {
  const files = new MemoryFiles();
  files.files.set(beside, pattern(100, 2));
  assert.throws(() => candidates({}, files), (error) => {
    assert.ok(error instanceof LibraryError);
    assert.match(error.message, /npm run build:native/);
    assert.match(error.message, /IOCP_LIBRARY/);
    return true;
  });
});

test("findLibrary() tries the file beside the module that it may not read", () => {
  const files = new MemoryFiles();
  files.canRead = () => false;
  assert.deepEqual(candidates({}, files), [`maybe ${beside}`, extracted]);
});

test("findLibrary() extracts the embedded copy", () => {
  const files = new MemoryFiles();
  assert.deepEqual(candidates({}, files), [extracted]);
  assert.deepEqual(files.files.get(extracted), pattern(100));
});

test("findLibrary() refuses an unsupported platform", () => {
  const files = new MemoryFiles();
  for (const strange of ["linux_aarch64", "darwin_x86_64", "windows_aarch64"]) {
    const found = findLibrary(environment({}), strange, files);
    assert.throws(() => [...found], (error) => {
      assert.ok(error instanceof NotSupported);
      assert.ok(error.message.includes(strange));
      assert.match(error.message, /linux_x86_64, windows_x86_64/);
      assert.match(error.message, /IOCP_LIBRARY/);
      return true;
    });
  }
});

test("findLibrary() takes IOCP_LIBRARY on an unsupported platform", () => {
  const env = environment({ IOCP_LIBRARY: "/my/lib.so" });
  const found = findLibrary(env, "darwin_x86_64", new MemoryFiles());
  assert.deepEqual([...found].map(({ path }) => path), ["/my/lib.so"]);
});

test("checkAbi() refuses another ABI, and says what to do", () => {
  checkAbi({ iocp_abi: () => ABI }, "/x");
  const call = () => checkAbi({ iocp_abi: () => ABI + 1 }, "/my/lib.so");
  assert.throws(call, (error) => {
    assert.ok(error instanceof LibraryError);
    assert.ok(error.message.includes("/my/lib.so"));
    assert.ok(error.message.includes(`${ABI + 1}`));
    assert.match(error.message, /unset IOCP_LIBRARY/);
    return true;
  });
});

test("openLibrary() goes on after a file that may not be there", () => {
  using folder = new TemporaryFolder();
  const missing = folder.join("missing.so");
  assert.throws(
    () =>
      openLibrary([
        { path: missing, isVerified: false },
        { path: folder.join("other.so"), isVerified: true },
      ]),
    (error) =>
      error instanceof LibraryError && error.message.includes("other.so"),
  );
});

test("The embedded libraries are the prebuilt ones", () => {
  for (
    const [name, { name: file, ...rest }] of [
      ["linux_x86_64", linux],
      ["windows_x86_64", windows],
    ] as const
  ) {
    const bytes = readFileSync(repositoryPath(`ffi/prebuilt/${name}/${file}`));
    assert.equal(rest.sha256, sha256(bytes), name);
    assert.equal(rest.base64, bytes.toString("base64"), name);
  }
});

test("The runtime's target is one that there is a library for", () => {
  assert.equal(runtime.target, target);
});

/* What LIBRARY_PROGRAM says in a process of its own. */
async function load(
  folder: TemporaryFolder,
  env: ChildOptions["env"],
): Promise<string> {
  const program = folder.join("main.ts");
  /* Once: a process that starts meanwhile would read half of it. */
  if (!existsSync(program)) folder.write("main.ts", LIBRARY_PROGRAM);
  using child = start(program, [], { env, cwd: folder.path });
  const { stdout, stderr, code, signal } = await child.ended;
  return stdout.trim() || stderr || `ended with ${code ?? signal}`;
}

const cacheVariable = isWindows ? "LOCALAPPDATA" : "XDG_CACHE_HOME";

function inCache(folder: TemporaryFolder): ChildOptions["env"] {
  return { IOCP_LIBRARY: undefined, [cacheVariable]: folder.path };
}

test("A copy of the module alone extracts its library, once", async () => {
  using copy = new TemporaryFolder();
  using cache = new TemporaryFolder();
  copyModule(copy);
  const path = cache.join("iocp", own.sha256, own.name);
  assert.equal(await load(copy, inCache(cache)), `loaded ${path}`);
  assert.equal(sha256(readFileSync(path)), own.sha256);
  assert.equal(await load(copy, inCache(cache)), `loaded ${path}`);
  const left = readdirSync(join(cache.path, "iocp", own.sha256));
  assert.deepEqual(left, [own.name]);
});

test("Many processes may extract the library at once", async () => {
  using copy = new TemporaryFolder();
  using cache = new TemporaryFolder();
  copyModule(copy);
  const path = cache.join("iocp", own.sha256, own.name);
  const loads = Array.from({ length: 6 }, () => load(copy, inCache(cache)));
  for (const said of await Promise.all(loads)) {
    assert.equal(said, `loaded ${path}`);
  }
  const left = readdirSync(join(cache.path, "iocp", own.sha256));
  assert.deepEqual(left, [own.name]);
});

test("An extracted library that was changed is refused", async () => {
  using copy = new TemporaryFolder();
  using cache = new TemporaryFolder();
  copyModule(copy);
  await load(copy, inCache(cache));
  const path = cache.join("iocp", own.sha256, own.name);
  writeFileSync(path, "changed");
  const said = await load(copy, inCache(cache));
  assert.match(said, /^LibraryError: .* delete it/);
  assert.ok(said.includes(path));
});

test("A cache that cannot be written to is an error that says so", async () => {
  using copy = new TemporaryFolder();
  copyModule(copy);
  const file = copy.write("file", "not a folder");
  const env = { IOCP_LIBRARY: undefined, [cacheVariable]: file };
  const said = await load(copy, env);
  assert.match(said, /^LibraryError: Cannot extract .*IOCP_LIBRARY/);
});

test("IOCP_LIBRARY is used, also when it is relative", async () => {
  using copy = new TemporaryFolder();
  copyModule(copy);
  const path = copy.join(own.name);
  writeFileSync(path, Buffer.from(own.base64, "base64"));
  for (const IOCP_LIBRARY of [path, own.name]) {
    assert.equal(await load(copy, { IOCP_LIBRARY }), `loaded ${resolve(path)}`);
  }
});

test("IOCP_LIBRARY must be this library", async () => {
  using copy = new TemporaryFolder();
  copyModule(copy);
  const system = isWindows
    ? "C:\\windows\\system32\\kernel32.dll"
    : "/lib/x86_64-linux-gnu/libm.so.6";
  const wrong = [copy.join("missing.so"), copy.write("text", "text"), system];
  for (const IOCP_LIBRARY of wrong) {
    const said = await load(copy, { IOCP_LIBRARY });
    assert.match(said, /^LibraryError: Cannot open the iocp library/);
    assert.ok(said.includes(IOCP_LIBRARY), said);
  }
});
