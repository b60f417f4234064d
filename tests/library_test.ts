// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { basename, join, resolve } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { LibraryError, NotSupported } from "../mod.ts";
import { checkAbi, openLibrary } from "../src/native/library.ts";
import { findLibrary, type Found } from "../src/native/library_search.ts";
import linux from "../src/native/linux_x86_64.ts";
import windows from "../src/native/windows_x86_64.ts";
import { runtime } from "../src/runtime/detect.ts";
import { ABI } from "../src/native/symbols.ts";
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
const OWN_URL = new URL("../src/native/library.ts", import.meta.url).href;
const beside = new URL("../ffi/prebuilt/any/lib.so", import.meta.url).pathname;

/* The paths of all candidates. */
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
  const [first] = candidates({ IOCP_LIBRARY: "" }, files);
  assert.equal(first, beside);
});

test("findLibrary() passes by a place that it cannot look at", () => {
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
    files.failing.set(beside, code);
    assert.deepEqual(candidates({}, files), [extracted, inTemporary], code);
  }
});

/* What bundlers, executables and the web make of import.meta.url. */
const ELSEWHERE = [
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

test("findLibrary() reaches the embedded copy wherever the module is", () => {
  for (const moduleUrl of ELSEWHERE) {
    const files = new MemoryFiles();
    /* What is near a bundle is not this module's, even where the name fits. */
    files.canRead = (path) => !path.includes("prebuilt");
    const env = environment({ XDG_CACHE_HOME: "/cache" });
    const search = { env, target: "any", files, embedded, moduleUrl };
    const found = paths(findLibrary(search));
    assert.deepEqual(found, [extracted, inTemporary], `${moduleUrl}`);
  }
});

test("findLibrary() survives a URL that is no path", () => {
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

test("findLibrary() goes on to the temporary files", () => {
  const files = new MemoryFiles();
  files.failing.set("/cache", "EROFS");
  const [problem, ...rest] = candidates({}, files);
  assert.match(problem!, /cannot extract it to \/cache\/iocp\/.*EROFS/);
  assert.deepEqual(rest, [inTemporary]);
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
  const found = candidates({}, files);
  assert.deepEqual(found, [`maybe ${beside}`, extracted, inTemporary]);
});

test("findLibrary() extracts the embedded copy", () => {
  const files = new MemoryFiles();
  const [first] = candidates({}, files);
  assert.equal(first, extracted);
  assert.deepEqual(files.files.get(extracted), pattern(100));
});

test("findLibrary() refuses an unsupported platform", () => {
  const files = new MemoryFiles();
  for (const strange of ["linux_aarch64", "darwin_x86_64", "windows_aarch64"]) {
    const env = environment({});
    const search = { env, target: strange, files, moduleUrl: OWN_URL };
    assert.throws(() => [...findLibrary(search)], (error) => {
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
  const files = new MemoryFiles();
  const search = { env, target: "darwin_x86_64", files, moduleUrl: OWN_URL };
  assert.deepEqual(paths(findLibrary(search)), ["/my/lib.so"]);
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

test("openLibrary() goes on after a file that does not open", () => {
  using folder = new TemporaryFolder();
  const text = folder.write("text.so", "not a library");
  const library = folder.join(own.name);
  writeFileSync(library, Buffer.from(own.base64, "base64"));
  const opened = openLibrary([
    { path: folder.join("missing.so"), isVerified: false },
    { problem: "cannot extract it", cause: undefined },
    { path: text, isVerified: true },
    { path: library, isVerified: true },
  ]);
  assert.equal(opened.path, library);
});

test("openLibrary() says why each of the files will not do", () => {
  using folder = new TemporaryFolder();
  const missing = folder.join("missing.so");
  const text = folder.write("text.so", "not a library");
  const found: Found[] = [
    { path: missing, isVerified: false },
    { problem: "cannot extract it to /cache: EROFS", cause: "first" },
    { path: text, isVerified: true },
  ];
  assert.throws(() => openLibrary(found), (error) => {
    assert.ok(error instanceof LibraryError);
    assert.ok(!error.message.includes(missing), error.message);
    assert.match(error.message, /cannot extract it to \/cache: EROFS; /);
    assert.ok(error.message.includes(`cannot open ${text}: `), error.message);
    assert.match(error.message, /IOCP_LIBRARY/);
    assert.equal(error.cause, "first");
    return true;
  });
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

test("An extracted library that was changed is replaced", async () => {
  using copy = new TemporaryFolder();
  using cache = new TemporaryFolder();
  copyModule(copy);
  await load(copy, inCache(cache));
  const path = cache.join("iocp", own.sha256, own.name);
  writeFileSync(path, "changed");
  const loads = Array.from({ length: 4 }, () => load(copy, inCache(cache)));
  for (const said of await Promise.all(loads)) {
    assert.equal(said, `loaded ${path}`);
  }
  assert.equal(sha256(readFileSync(path)), own.sha256);
  const left = readdirSync(join(cache.path, "iocp", own.sha256));
  assert.deepEqual(left, [own.name]);
});

test("A wrong file that cannot be replaced is passed by", async () => {
  using copy = new TemporaryFolder();
  using cache = new TemporaryFolder();
  copyModule(copy);
  const folder = cache.join("iocp", own.sha256);
  mkdirSync(join(folder, own.name, "folder"), { recursive: true, mode: 0o700 });
  const other = join(folder, own.name.replace(".", "-1."));
  assert.equal(await load(copy, inCache(cache)), `loaded ${other}`);
  assert.equal(await load(copy, inCache(cache)), `loaded ${other}`);
  assert.deepEqual(
    readdirSync(folder).sort(),
    [own.name, basename(other)].sort(),
  );
});

/* Variables with which all of the system's folders are in one of the test. */
function everywhere(folder: TemporaryFolder): Record<string, string> {
  const names = isWindows ? ["LOCALAPPDATA", "TEMP", "TMP"] : [
    "XDG_CACHE_HOME",
    "TMPDIR",
  ];
  const home = isWindows ? { USERPROFILE: folder.path } : {};
  const inside = names.map((name) => [name, folder.join(name)]);
  return { ...home, ...Object.fromEntries(inside) };
}

test("A cache that cannot be written to is passed by", async () => {
  using copy = new TemporaryFolder();
  using folder = new TemporaryFolder();
  copyModule(copy);
  const variables = everywhere(folder);
  for (const name of Object.keys(variables)) {
    if (name !== "USERPROFILE") mkdirSync(folder.join(name));
  }
  const file = folder.write("file", "not a folder");
  const env = { IOCP_LIBRARY: undefined, ...variables, [cacheVariable]: file };
  const said = await load(copy, env);
  const temporary = folder.join(isWindows ? "TEMP" : "TMPDIR");
  assert.ok(said.startsWith(`loaded ${temporary}`), said);
});

test("When no folder can be written to, the error says so", async () => {
  using copy = new TemporaryFolder();
  using folder = new TemporaryFolder();
  copyModule(copy);
  const variables = everywhere(folder);
  for (const name of Object.keys(variables)) {
    if (name !== "USERPROFILE") folder.write(name, "not a folder");
  }
  const said = await load(copy, { IOCP_LIBRARY: undefined, ...variables });
  assert.match(said, /^LibraryError: Cannot load the iocp library: /);
  assert.match(said, /IOCP_LIBRARY/);
  for (const path of Object.values(variables).slice(1, 2)) {
    assert.ok(said.includes(path), said);
  }
});

test("A relative cache folder is not used", async () => {
  using copy = new TemporaryFolder();
  using folder = new TemporaryFolder();
  copyModule(copy);
  const variables = {
    ...everywhere(folder),
    HOME: folder.path,
    USERPROFILE: folder.path,
    [cacheVariable]: "relative",
  };
  const said = await load(copy, { IOCP_LIBRARY: undefined, ...variables });
  assert.ok(said.startsWith(`loaded ${folder.path}`), said);
  assert.ok(!existsSync(copy.join("relative", "iocp")));
});

/* To mount needs root. */
const cannotMount = (isWindows && "Linux alone has such mounts") ||
  (process.getuid?.() !== 0 && "only root may mount");

function mount(folder: string, options: string): Disposable {
  const args = ["-t", "tmpfs", "-o", options, "tmpfs", folder];
  execFileSync("mount", args, { stdio: "pipe" });
  return {
    [Symbol.dispose]: () => {
      execFileSync("umount", ["--lazy", folder], { stdio: "pipe" });
    },
  };
}

test("A folder mounted noexec is passed by, and named when there is no other", {
  skip: cannotMount,
}, async () => {
  using copy = new TemporaryFolder();
  using folder = new TemporaryFolder();
  copyModule(copy);
  using _mounted = mount(folder.path, "noexec");
  const variables = { IOCP_LIBRARY: undefined, XDG_CACHE_HOME: folder.path };
  using other = new TemporaryFolder();
  const said = await load(copy, { ...variables, TMPDIR: other.path });
  assert.ok(said.startsWith(`loaded ${other.path}`), said);
  const refused = await load(copy, { ...variables, TMPDIR: folder.path });
  assert.match(refused, /^LibraryError: .*mounted noexec.*IOCP_LIBRARY/);
  assert.ok(refused.includes(folder.path), refused);
});

test("A full disk leaves no temporary file", {
  skip: cannotMount,
}, async () => {
  using copy = new TemporaryFolder();
  using folder = new TemporaryFolder();
  copyModule(copy);
  using _mounted = mount(folder.path, "size=32k");
  const variables = {
    IOCP_LIBRARY: undefined,
    XDG_CACHE_HOME: folder.path,
    TMPDIR: folder.path,
  };
  for (let start = 0; start < 2; start++) {
    const said = await load(copy, variables);
    assert.match(said, /^LibraryError: .*(ENOSPC|No space).*IOCP_LIBRARY/);
    const left = readdirSync(folder.path, { recursive: true }).map(String);
    assert.deepEqual(left.filter((name) => name.includes(".so")), []);
  }
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
