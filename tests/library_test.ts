// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, join, resolve } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { LibraryError } from "../mod.ts";
import { checkAbi, openLibrary } from "../src/native/library.ts";
import type { Found } from "../src/native/library_search.ts";
import linux from "../src/native/linux_x86_64.ts";
import windows from "../src/native/windows_x86_64.ts";
import { runtime } from "../src/runtime/detect.ts";
import { ABI } from "../src/native/symbols.ts";
import { type ChildOptions, start } from "./shared/child.ts";
import {
  copyModule,
  LIBRARY_PROGRAM,
  repositoryPath,
  sha256,
  TemporaryFolder,
} from "./shared/files.ts";

const isWindows = process.platform === "win32";
const target = isWindows ? "windows_x86_64" : "linux_x86_64";
const own = isWindows ? windows : linux;

test("checkAbi() refuses another ABI with an error that says what to do", () => {
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

test("openLibrary() skips a file that cannot be opened", () => {
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

test("The error of openLibrary() has a reason for each file", () => {
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

test("A broken file is not reported as a missing permission", () => {
  using folder = new TemporaryFolder();
  const path = folder.write("text.so", "not a library");
  const found: Found[] = [{ path, isVerified: true, isOnly: true }];
  assert.throws(() => openLibrary(found), (error) => {
    assert.ok(error instanceof LibraryError);
    assert.match(error.message, /; check that the file can be read and exec/);
    assert.ok(!error.message.includes("--allow-ffi"), error.message);
    return true;
  });
});

test("The embedded libraries are those of ffi/prebuilt/", () => {
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

test("There is a library for this platform", () => {
  assert.equal(runtime.target, target);
});

/* Runs LIBRARY_PROGRAM, and returns its output. */
async function load(
  folder: TemporaryFolder,
  env: ChildOptions["env"],
): Promise<string> {
  const program = folder.join("main.ts");
  /* Written only once, so that no other process reads a part of it. */
  if (!existsSync(program)) folder.write("main.ts", LIBRARY_PROGRAM);
  using child = start(program, [], { env, cwd: folder.path });
  const { stdout, stderr, code, signal } = await child.ended;
  return stdout.trim() || stderr || `ended with ${code ?? signal}`;
}

const cacheVariable = isWindows ? "LOCALAPPDATA" : "XDG_CACHE_HOME";

function inCache(folder: TemporaryFolder): ChildOptions["env"] {
  return { IOCP_LIBRARY: undefined, [cacheVariable]: folder.path };
}

test("A copy of the module without ffi/ extracts its library once", async () => {
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

test("Many processes may extract the library at the same time", async () => {
  using copy = new TemporaryFolder();
  using cache = new TemporaryFolder();
  copyModule(copy);
  const path = cache.join("iocp", own.sha256, own.name);
  const loads = Array.from({ length: 6 }, () => load(copy, inCache(cache)));
  for (const printed of await Promise.all(loads)) {
    assert.equal(printed, `loaded ${path}`);
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
  for (const printed of await Promise.all(loads)) {
    assert.equal(printed, `loaded ${path}`);
  }
  assert.equal(sha256(readFileSync(path)), own.sha256);
  const left = readdirSync(join(cache.path, "iocp", own.sha256));
  assert.deepEqual(left, [own.name]);
});

test("A wrong file that cannot be replaced is skipped", async () => {
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

/* Environment variables that move all cache folders into a folder of the test. */
function cacheVariablesIn(folder: TemporaryFolder): Record<string, string> {
  const names = isWindows ? ["LOCALAPPDATA", "TEMP", "TMP"] : [
    "XDG_CACHE_HOME",
    "TMPDIR",
  ];
  const home = isWindows ? { USERPROFILE: folder.path } : {};
  const inside = names.map((name) => [name, folder.join(name)]);
  return { ...home, ...Object.fromEntries(inside) };
}

test("A cache folder that cannot be written to is skipped", async () => {
  using copy = new TemporaryFolder();
  using folder = new TemporaryFolder();
  copyModule(copy);
  const variables = cacheVariablesIn(folder);
  for (const name of Object.keys(variables)) {
    if (name !== "USERPROFILE") mkdirSync(folder.join(name));
  }
  const file = folder.write("file", "not a folder");
  const env = { IOCP_LIBRARY: undefined, ...variables, [cacheVariable]: file };
  const printed = await load(copy, env);
  const temporary = folder.join(isWindows ? "TEMP" : "TMPDIR");
  assert.ok(printed.startsWith(`loaded ${temporary}`), printed);
});

test("The error says so if no folder can be written to", async () => {
  using copy = new TemporaryFolder();
  using folder = new TemporaryFolder();
  copyModule(copy);
  const variables = cacheVariablesIn(folder);
  for (const name of Object.keys(variables)) {
    if (name !== "USERPROFILE") folder.write(name, "not a folder");
  }
  const printed = await load(copy, { IOCP_LIBRARY: undefined, ...variables });
  assert.match(printed, /^LibraryError: Cannot load the iocp library: /);
  assert.match(printed, /IOCP_LIBRARY/);
  for (const path of Object.values(variables).slice(1, 2)) {
    assert.ok(printed.includes(path), printed);
  }
});

test("A relative cache folder is not used", async () => {
  using copy = new TemporaryFolder();
  using folder = new TemporaryFolder();
  copyModule(copy);
  const variables = {
    ...cacheVariablesIn(folder),
    HOME: folder.path,
    USERPROFILE: folder.path,
    [cacheVariable]: "relative",
  };
  const printed = await load(copy, { IOCP_LIBRARY: undefined, ...variables });
  assert.ok(printed.startsWith(`loaded ${folder.path}`), printed);
  assert.ok(!existsSync(copy.join("relative", "iocp")));
});

/* Mounting needs root. */
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

test(
  "A folder mounted noexec is skipped, and named in the error if there is no other",
  {
    skip: cannotMount,
  },
  async () => {
    using copy = new TemporaryFolder();
    using folder = new TemporaryFolder();
    copyModule(copy);
    using _mounted = mount(folder.path, "noexec");
    const variables = { IOCP_LIBRARY: undefined, XDG_CACHE_HOME: folder.path };
    using other = new TemporaryFolder();
    const printed = await load(copy, { ...variables, TMPDIR: other.path });
    assert.ok(printed.startsWith(`loaded ${other.path}`), printed);
    const refused = await load(copy, { ...variables, TMPDIR: folder.path });
    assert.match(refused, /^LibraryError: .*mounted noexec.*IOCP_LIBRARY/);
    assert.ok(refused.includes(folder.path), refused);
  },
);

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
    const printed = await load(copy, variables);
    assert.match(printed, /^LibraryError: .*(ENOSPC|No space).*IOCP_LIBRARY/);
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

test("IOCP_LIBRARY must be the path of this library", async () => {
  using copy = new TemporaryFolder();
  copyModule(copy);
  const system = isWindows
    ? "C:\\windows\\system32\\kernel32.dll"
    : "/lib/x86_64-linux-gnu/libm.so.6";
  const wrong = [
    copy.join("missing.so"),
    copy.write("text", "text"),
    copy.path,
    system,
  ];
  for (const IOCP_LIBRARY of wrong) {
    const printed = await load(copy, { IOCP_LIBRARY });
    assert.match(printed, /^LibraryError: Cannot open the iocp library/);
    assert.ok(printed.includes(IOCP_LIBRARY), printed);
  }
});

test("IOCP_LIBRARY may be no FIFO, which would block the loader", {
  skip: isWindows && "it has no FIFOs",
}, async () => {
  using copy = new TemporaryFolder();
  copyModule(copy);
  const fifo = copy.join("fifo.so");
  const link = copy.join("link.so");
  execFileSync("mkfifo", [fifo]);
  symlinkSync(fifo, link);
  for (const IOCP_LIBRARY of [fifo, link]) {
    const printed = await load(copy, { IOCP_LIBRARY });
    assert.match(printed, /^LibraryError: .*: it is not a regular file/);
    assert.ok(printed.includes(IOCP_LIBRARY), printed);
  }
});
