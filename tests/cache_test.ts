// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import { test } from "node:test";
import { LibraryError } from "../mod.ts";
import { extractions, noLibrary } from "../src/native/cache.ts";
import type { FileStatus, FileSystem } from "../src/native/files.ts";
import type { Embedded } from "../src/native/installer.ts";
import { embed, MemoryFiles } from "./shared/files.ts";
import { pattern } from "./shared/pattern.ts";

const BYTES = pattern(5_000);
const embedded = embed("libiocp.so", BYTES);
const folder = `/cache/iocp/${embedded.sha256}`;
const path = `${folder}/libiocp.so`;

function environment(variables: Record<string, string>) {
  return (name: string): string | undefined => variables[name];
}
const inCache = environment({ XDG_CACHE_HOME: "/cache", HOME: "/home/me" });

/* The path in the first usable folder. */
function extract(
  embedded: Embedded,
  env: (name: string) => string | undefined,
  files: FileSystem,
): string {
  const problems: string[] = [];
  let cause: unknown;
  for (const extraction of extractions(embedded, env, files)) {
    if ("path" in extraction) return extraction.path;
    problems.push(extraction.problem);
    cause ??= extraction.cause;
  }
  throw noLibrary(problems, cause);
}

function refusal(call: () => unknown): LibraryError {
  try {
    call();
  } catch (error) {
    assert.ok(error instanceof LibraryError, String(error));
    return error;
  }
  throw new Error("nothing was thrown");
}

test("extractions() writes a temporary file and renames it", () => {
  const files = new MemoryFiles();
  assert.equal(extract(embedded, inCache, files), path);
  assert.deepEqual([...files.files.keys()], [path]);
  assert.deepEqual(files.files.get(path), BYTES);
  const [made, written, renamed] = files.log;
  assert.equal(files.log.length, 3);
  assert.equal(made, `makeFolder ${folder}`);
  const temporary = written!.slice("write ".length);
  assert.ok(temporary.startsWith(path) && temporary !== path);
  assert.equal(renamed, `rename ${temporary} ${path}`);
});

test("extractions() uses an existing file", () => {
  const files = new MemoryFiles();
  extract(embedded, inCache, files);
  const writes = files.log.length;
  assert.equal(extract(embedded, inCache, files), path);
  assert.equal(files.log.length, writes);
});

test("extractions() begins with the user's cache folder", () => {
  const table: [isWindows: boolean, Record<string, string>, string][] = [
    [false, { XDG_CACHE_HOME: "/x", HOME: "/h" }, "/x/iocp"],
    [false, { HOME: "/h" }, "/h/.cache/iocp"],
    [false, { XDG_CACHE_HOME: "", HOME: "/h" }, "/h/.cache/iocp"],
    [false, { XDG_CACHE_HOME: "x", HOME: "/h" }, "/h/.cache/iocp"],
    [false, { XDG_CACHE_HOME: "./x", HOME: "/h" }, "/h/.cache/iocp"],
    [true, { LOCALAPPDATA: "l", USERPROFILE: "/u" }, "/u/AppData/Local/iocp"],
    [true, { LOCALAPPDATA: "/l", USERPROFILE: "/u" }, "/l/iocp"],
    [true, { USERPROFILE: "/u" }, "/u/AppData/Local/iocp"],
  ];
  for (const [isWindows, variables, expected] of table) {
    const files = new MemoryFiles();
    files.isWindows = isWindows;
    const found = extract(embedded, environment(variables), files);
    assert.equal(found, `${expected}/${embedded.sha256}/libiocp.so`);
  }
});

test("The error without any folder on Windows advises what to do", () => {
  const files = new MemoryFiles();
  files.isWindows = true;
  for (const TEMP of ["/windows/temp", "relative"]) {
    const env = environment({ TEMP, USERPROFILE: "relative" });
    const { message } = refusal(() => extract(embedded, env, files));
    assert.match(message, /there is no folder/);
    assert.match(message, /IOCP_LIBRARY/);
    assert.match(message, /--allow-env --allow-read --allow-write/);
  }
});

test("extractions() replaces a changed file", () => {
  const files = new MemoryFiles();
  extract(embedded, inCache, files);
  for (const bytes of [pattern(5_000, 2), pattern(10), pattern(50_000)]) {
    files.files.set(path, bytes);
    assert.equal(extract(embedded, inCache, files), path);
    assert.deepEqual(files.files.get(path), BYTES);
    assert.deepEqual([...files.files.keys()], [path]);
  }
});

test("extractions() replaces what is not a file, or writable by other users", () => {
  const kinds: Partial<FileStatus>[] = [
    { isFile: false },
    { owner: 1_001 },
    { mode: 0o602 },
    { mode: 0o620, group: 1_234 },
  ];
  for (const kind of kinds) {
    const files = new MemoryFiles();
    extract(embedded, inCache, files);
    files.statuses.set(path, kind);
    files.onRename = () => files.statuses.delete(path);
    const writes = files.log.length;
    assert.equal(extract(embedded, inCache, files), path);
    assert.equal(files.log.length, writes + 2, JSON.stringify(kind));
  }
});

test("extractions() leaves no temporary file when a write fails", () => {
  const files = new MemoryFiles();
  files.failing.set("/tmp", "EROFS");
  files.onWrite = (path) => {
    throw Object.assign(new Error(`ENOSPC: ${path}`), { code: "ENOSPC" });
  };
  const { message } = refusal(() => extract(embedded, inCache, files));
  assert.match(message, /ENOSPC/);
  assert.deepEqual([...files.files.keys()], []);
});

test("extractions() leaves no temporary file when the rename fails", () => {
  const files = new MemoryFiles();
  files.onRename = () => {
    throw Object.assign(new Error("EIO"), { code: "EIO" });
  };
  refusal(() => extract(embedded, inCache, files));
  assert.deepEqual([...files.files.keys()], []);
});

test("extractions() uses another file name when a wrong file is loaded", () => {
  const files = new MemoryFiles();
  files.isWindows = true;
  const env = environment({ LOCALAPPDATA: "/cache" });
  files.folders.add(folder);
  files.files.set(path, pattern(10));
  const other = `${folder}/libiocp-1.so`;
  for (let start = 0; start < 2; start++) {
    assert.equal(extract(embedded, env, files), other);
    assert.deepEqual([...files.files.keys()], [path, other]);
  }
  for (const file of [other, `${folder}/libiocp-2.so`]) {
    files.files.set(file, pattern(11));
  }
  assert.equal(extract(embedded, env, files), `${folder}/libiocp-3.so`);
});

test("extractions() waits for a process that has a wrong file open", () => {
  const files = new MemoryFiles();
  files.isWindows = true;
  const env = environment({ LOCALAPPDATA: "/cache" });
  files.folders.add(folder);
  files.files.set(path, pattern(10));
  /* The file is closed, and replaced, after some pauses. */
  files.onSleep = () => {
    if (files.slept > 50) files.files.delete(path);
  };
  assert.equal(extract(embedded, env, files), path);
  assert.deepEqual([...files.files.keys()], [path]);
  assert.deepEqual(files.files.get(path), BYTES);
  assert.ok(files.slept < 1_000, `${files.slept}`);
});

test("extractions() does not wait once another process has written it", () => {
  const files = new MemoryFiles();
  files.isWindows = true;
  const env = environment({ LOCALAPPDATA: "/cache" });
  files.folders.add(folder);
  files.onRename = (to) => files.files.set(to, BYTES);
  assert.equal(extract(embedded, env, files), path);
  assert.deepEqual([...files.files.keys()], [path]);
  assert.equal(files.slept, 0);
});

test("extractions() refuses an embedded library with a wrong hash", () => {
  const files = new MemoryFiles();
  const wrong = { ...embedded, sha256: "0".repeat(64) };
  const { message } = refusal(() => extract(wrong, inCache, files));
  assert.match(message, /hash/);
  assert.match(message, /download the module again/);
  assert.equal(files.files.size, 0);
});

test("extractions() falls back to the folder for temporary files", () => {
  const table: [variables: Record<string, string>, failing: string][] = [
    [{ HOME: "/home/me" }, "/home/me/.cache"],
    [{ XDG_CACHE_HOME: "/cache", HOME: "/home/me" }, "/cache"],
    [{ XDG_CACHE_HOME: "relative" }, "/nowhere"],
    [{ HOME: "relative" }, "/nowhere"],
    [{}, "/nowhere"],
  ];
  for (const code of ["EROFS", "EACCES", "ENOTDIR", "EDQUOT"]) {
    for (const [variables, failing] of table) {
      const files = new MemoryFiles();
      files.failing.set(failing, code);
      const found = extract(embedded, environment(variables), files);
      assert.equal(found, `/tmp/iocp-1000/${embedded.sha256}/libiocp.so`);
      const moved = environment({ ...variables, TMPDIR: "/mine" });
      assert.ok(extract(embedded, moved, files).startsWith("/mine/iocp-1000/"));
      const ignored = environment({ ...variables, TMPDIR: "mine" });
      assert.equal(extract(embedded, ignored, files), found);
    }
  }
});

test("extractions() falls back to the temporary folder of a Windows user", () => {
  const table: [TEMP: string, inside: boolean][] = [
    ["/users/Me/temp", true],
    ["/users/me/temp", true],
    ["/users/me2/temp", false],
    ["/windows/temp", false],
  ];
  for (const [TEMP, inside] of table) {
    const files = new MemoryFiles();
    files.isWindows = true;
    files.failing.set("/local", "EACCES");
    const variables = {
      LOCALAPPDATA: "/local",
      USERPROFILE: "/users/me",
      TEMP,
    };
    const call = () => extract(embedded, environment(variables), files);
    if (!inside) assert.match(refusal(call).message, /EACCES/);
    else assert.ok(call().startsWith(`${TEMP}/iocp/`));
  }
});

test("extractions() uses the user's home folder if the environment has none", () => {
  const files = new MemoryFiles();
  files.user = { id: 1_000, home: "/home/me" };
  const found = extract(embedded, environment({ HOME: "" }), files);
  assert.ok(found.startsWith("/home/me/.cache/iocp/"), found);
});

test("The error has a reason for each folder", () => {
  const files = new MemoryFiles();
  files.failing.set("/cache", "EROFS");
  files.failing.set("/tmp", "ENOSPC");
  const error = refusal(() => extract(embedded, inCache, files));
  assert.ok(error.message.includes(`${folder}: EROFS`), error.message);
  assert.match(error.message, /\/tmp\/iocp-1000\/\w+: ENOSPC/);
  assert.match(error.message, /IOCP_LIBRARY/);
  assert.equal((error.cause as { code: string }).code, "EROFS");
});

test("extractions() skips folders that other users can write to", () => {
  const table: [path: string, Partial<FileStatus>, RegExp][] = [
    [folder, { owner: 1_001 }, /belongs to another user/],
    [folder, { mode: 0o777 }, /other users may write/],
    [folder, { mode: 0o1777 }, /other users may write/],
    [folder, { mode: 0o770, group: 50 }, /other users may write/],
    ["/cache/iocp", { owner: 1_001 }, /belongs to another user/],
    ["/cache", { mode: 0o777 }, /other users may write/],
    ["/cache", { owner: 1_000, mode: 0o777 }, /other users may write/],
    ["/", { owner: 1_001 }, /belongs to another user/],
  ];
  for (const [path, status, reason] of table) {
    const files = new MemoryFiles();
    extract(embedded, inCache, files);
    files.statuses.set(path, status);
    if (path !== "/") {
      const found = extract(embedded, inCache, files);
      assert.ok(found.startsWith("/tmp/iocp-1000/"), found);
    }
    files.failing.set("/tmp", "EROFS");
    files.folders.delete("/tmp/iocp-1000");
    const { message } = refusal(() => extract(embedded, inCache, files));
    assert.match(message, reason);
    assert.ok(message.includes(path), message);
  }
});

test("extractions() trusts folders that only this user or root can write to", () => {
  const table: [path: string, Partial<FileStatus>][] = [
    [folder, { owner: 1_000, mode: 0o700 }],
    [folder, { owner: 1_000, mode: 0o770, group: 1_000 }],
    [folder, { mode: 0o775, group: 0 }],
    ["/cache", { mode: 0o1777 }],
    ["/cache", { owner: 1_000, mode: 0o775, group: 1_000 }],
    /* System folders in a container. */
    ["/", { owner: 65_534 }],
  ];
  for (const [path, status] of table) {
    const files = new MemoryFiles();
    extract(embedded, inCache, files);
    files.statuses.set(path, status);
    assert.ok(extract(embedded, inCache, files).startsWith(folder));
  }
});

test("extractions() uses another folder name if another user has made the first", () => {
  const kinds: Partial<FileStatus>[] = [
    { owner: 1_001 },
    { isFolder: false },
    { mode: 0o777 },
  ];
  for (const kind of kinds) {
    const files = new MemoryFiles();
    files.folders.add("/tmp/iocp-1000");
    files.statuses.set("/tmp/iocp-1000", kind);
    files.statuses.set("/tmp", { mode: 0o1777 });
    const found = extract(embedded, environment({}), files);
    assert.ok(found.startsWith("/tmp/iocp-1000-1/"), found);
    /* Nothing was written to the other user's folder. */
    assert.deepEqual(
      [...files.folders].filter((path) => path.startsWith("/tmp/iocp-1000/")),
      [],
    );
  }
  const files = new MemoryFiles();
  /* As in a container with only one user. */
  files.statuses.set("/tmp", { mode: 0o777 });
  const found = extract(embedded, environment({}), files);
  assert.ok(found.startsWith("/tmp/iocp-1000/"), found);
});

test("extractions() follows a link to the folder", () => {
  const files = new MemoryFiles();
  files.real = (path) => path.replace("/cache", "/real");
  files.makeFolder(`/real/iocp/${embedded.sha256}`);
  assert.ok(extract(embedded, inCache, files).startsWith("/real/iocp/"));
});

test("extractions() compares owners where the user's id is unknown", () => {
  const files = new MemoryFiles();
  files.user = {};
  files.folders.add("/home/me");
  files.statuses.set("/home/me", { owner: 1_000 });
  files.makeFolder(folder);
  files.statuses.set(folder, { owner: 1_000 });
  assert.equal(extract(embedded, inCache, files), path);
  files.statuses.set(folder, { owner: 1_001 });
  assert.ok(extract(embedded, inCache, files).startsWith("/tmp/iocp/"));
  /* A new file is owned by the user. */
  const withoutHome = environment({ XDG_CACHE_HOME: "/cache" });
  assert.ok(extract(embedded, withoutHome, files).startsWith("/tmp/iocp/"));
  files.statuses.set(folder, { owner: 1_000 });
  assert.equal(extract(embedded, withoutHome, files), path);
  assert.equal(
    [...files.files.keys()].filter((k) => k.startsWith(folder)).length,
    1,
  );
});

test("extractions() uses a file that another process has written meanwhile", () => {
  const files = new MemoryFiles();
  files.isWindows = true;
  files.onRename = () => files.files.set(path, BYTES);
  const env = environment({ LOCALAPPDATA: "/cache" });
  assert.equal(extract(embedded, env, files), path);
  assert.deepEqual([...files.files.keys()], [path]);
});
