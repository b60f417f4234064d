// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import { test } from "node:test";
import { LibraryError, NotSupported } from "../mod.ts";
import { findLibrary, type Found } from "../src/native/library_search.ts";
import { embed, MemoryFiles } from "./shared/files.ts";
import { pattern } from "./shared/pattern.ts";

const embedded = embed("lib.so", pattern(100));

function environment(variables: Record<string, string>) {
  return (name: string): string | undefined => variables[name];
}
const OWN_URL = new URL("../src/native/library.ts", import.meta.url).href;
const inCheckout =
  new URL("../ffi/prebuilt/any/lib.so", import.meta.url).pathname;

/* The paths of all candidates, in order. */
function candidates(
  variables: Record<string, string>,
  files: MemoryFiles,
  moduleUrl: string | undefined = OWN_URL,
): string[] {
  const env = environment({ XDG_CACHE_HOME: "/cache", ...variables });
  const search = { env, target: "any", files, embedded, moduleUrl };
  return paths(findLibrary(search));
}

function paths(found: Iterable<Found>): string[] {
  return [...found].map((candidate) => {
    if ("problem" in candidate) return candidate.problem;
    return candidate.isVerified ? candidate.path : `maybe ${candidate.path}`;
  });
}

const extracted = `/cache/iocp/${embedded.sha256}/lib.so`;
const inTemporary = `/tmp/iocp-1000/${embedded.sha256}/lib.so`;

test("findLibrary() returns only IOCP_LIBRARY if it is set", () => {
  const files = new MemoryFiles();
  assert.deepEqual(candidates({ IOCP_LIBRARY: "/my/lib.so" }, files), [
    "/my/lib.so",
  ]);
  assert.deepEqual(candidates({ IOCP_LIBRARY: "my/lib.so" }, files), [
    "/cwd/my/lib.so",
  ]);
  assert.deepEqual(files.log, []);
});

test("findLibrary() finds the library of a checkout", () => {
  const files = new MemoryFiles();
  files.files.set(inCheckout, pattern(100));
  const [first] = candidates({ IOCP_LIBRARY: "" }, files);
  assert.equal(first, inCheckout);
});

test("findLibrary() skips a checkout that it cannot read", () => {
  for (
    const code of [
      "ENOENT",
      "ENOTDIR",
      "EACCES",
      "ENAMETOOLONG",
      "ELOOP",
      "EISDIR",
      "EIO",
    ]
  ) {
    const files = new MemoryFiles();
    files.failing.set(inCheckout, code);
    assert.deepEqual(candidates({}, files), [extracted, inTemporary], code);
  }
});

/* Values of import.meta.url in bundles, in executables and on the web. */
const MODULE_URLS = [
  undefined,
  "",
  "library.ts",
  "/src/native/library.ts",
  "./src/native/library.ts",
  "blob:null/053dfb66-2fb3-4c5b-8a3a-6d2f3a1b0c9d",
  `data:text/javascript,${"x".repeat(10_000)}/src/native/library.ts`,
  "https://example.com/iocp/src/native/library.ts",
  "http://127.0.0.1:8000/src/native/library.ts",
  "file:///$bunfs/root/main",
  "file:///B:/~BUN/root/main.exe",
  "file:///tmp/deno-compile-main/dist/main.js",
  "file:///home/me/dist/main.js",
  "file:///home/me/node_modules/iocp/dist/src/native/library.js",
  "webpack:///src/native/library.ts",
  "bundle.js",
];

test("findLibrary() extracts the embedded library wherever the module is", () => {
  for (const moduleUrl of MODULE_URLS) {
    const files = new MemoryFiles();
    /* Files beside a bundle are not the module's, even with a matching name. */
    files.canRead = (path) => !path.includes("prebuilt");
    const env = environment({ XDG_CACHE_HOME: "/cache" });
    const search = { env, target: "any", files, embedded, moduleUrl };
    const found = paths(findLibrary(search));
    assert.deepEqual(found, [extracted, inTemporary], `${moduleUrl}`);
  }
});

test("findLibrary() accepts a URL that has no path on this system", () => {
  const files = new MemoryFiles();
  files.fromUrl = () => {
    throw new TypeError("File URL host must be empty");
  };
  const found = candidates(
    {},
    files,
    "file://server/share/src/native/library.ts",
  );
  assert.deepEqual(found, [extracted, inTemporary]);
});

test("findLibrary() falls back to the folder for temporary files", () => {
  const files = new MemoryFiles();
  files.failing.set("/cache", "EROFS");
  const [problem, ...rest] = candidates({}, files);
  assert.match(problem!, /cannot extract it to \/cache\/iocp\/.*EROFS/);
  assert.deepEqual(rest, [inTemporary]);
});

test("findLibrary() refuses another build in a checkout", () => {
  const files = new MemoryFiles();
  files.files.set(inCheckout, pattern(100, 2));
  assert.throws(() => candidates({}, files), (error) => {
    assert.ok(error instanceof LibraryError);
    assert.match(error.message, /npm run build:native/);
    assert.match(error.message, /IOCP_LIBRARY/);
    return true;
  });
});

test("findLibrary() tries the library of a checkout without the permission to read", () => {
  const files = new MemoryFiles();
  files.canRead = () => false;
  const found = candidates({}, files);
  assert.deepEqual(found, [`maybe ${inCheckout}`, extracted, inTemporary]);
});

test("findLibrary() extracts the embedded library", () => {
  const files = new MemoryFiles();
  const [first] = candidates({}, files);
  assert.equal(first, extracted);
  assert.deepEqual(files.files.get(extracted), pattern(100));
});

test("findLibrary() refuses an unsupported platform", () => {
  const files = new MemoryFiles();
  for (
    const unsupported of ["linux_aarch64", "darwin_x86_64", "windows_aarch64"]
  ) {
    const env = environment({});
    const search = { env, target: unsupported, files, moduleUrl: OWN_URL };
    assert.throws(() => [...findLibrary(search)], (error) => {
      assert.ok(error instanceof NotSupported);
      assert.ok(error.message.includes(unsupported));
      assert.match(error.message, /linux_x86_64, windows_x86_64/);
      assert.match(error.message, /IOCP_LIBRARY/);
      return true;
    });
  }
});

test("findLibrary() finds IOCP_LIBRARY on an unsupported platform", () => {
  const env = environment({ IOCP_LIBRARY: "/my/lib.so" });
  const files = new MemoryFiles();
  const search = { env, target: "darwin_x86_64", files, moduleUrl: OWN_URL };
  assert.deepEqual(paths(findLibrary(search)), ["/my/lib.so"]);
});
