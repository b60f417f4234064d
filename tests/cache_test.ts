// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import { test } from "node:test";
import { LibraryError } from "../mod.ts";
import { extract } from "../src/cache.ts";
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

function refusal(call: () => unknown): LibraryError {
  try {
    call();
  } catch (error) {
    assert.ok(error instanceof LibraryError, String(error));
    return error;
  }
  throw new Error("nothing was thrown");
}

test("extract() writes a temporary file and renames it", () => {
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

test("extract() uses what is there already", () => {
  const files = new MemoryFiles();
  extract(embedded, inCache, files);
  const writes = files.log.length;
  assert.equal(extract(embedded, inCache, files), path);
  assert.equal(files.log.length, writes);
});

test("extract() finds the user's cache folder", () => {
  const table: [isWindows: boolean, Record<string, string>, string][] = [
    [false, { XDG_CACHE_HOME: "/x", HOME: "/h" }, "/x/iocp"],
    [false, { HOME: "/h" }, "/h/.cache/iocp"],
    [false, { XDG_CACHE_HOME: "", HOME: "/h" }, "/h/.cache/iocp"],
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

test("extract() says what to do when no cache folder is known", () => {
  for (
    const [isWindows, variable] of [[false, "HOME"], [true, "USERPROFILE"]]
  ) {
    const files = new MemoryFiles();
    files.isWindows = isWindows as boolean;
    const { message } = refusal(() =>
      extract(embedded, environment({}), files)
    );
    assert.ok(message.includes(variable as string), message);
    assert.match(message, /IOCP_LIBRARY/);
    assert.match(message, /--allow-env --allow-read --allow-write/);
  }
});

test("extract() refuses a file that was changed, and says to delete it", () => {
  const files = new MemoryFiles();
  extract(embedded, inCache, files);
  files.files.set(path, pattern(5_000, 2));
  const { message } = refusal(() => extract(embedded, inCache, files));
  assert.ok(message.includes(path), message);
  assert.match(message, /delete it/);
  assert.deepEqual(files.files.get(path), pattern(5_000, 2));
});

test("extract() refuses an embedded copy with a wrong hash", () => {
  const files = new MemoryFiles();
  const wrong = { ...embedded, sha256: "0".repeat(64) };
  const { message } = refusal(() => extract(wrong, inCache, files));
  assert.match(message, /hash/);
  assert.match(message, /download the module again/);
  assert.equal(files.files.size, 0);
});

test("extract() says what to do when the cache is read-only", () => {
  const files = new MemoryFiles();
  files.isReadOnly = true;
  const error = refusal(() => extract(embedded, inCache, files));
  assert.ok(error.message.includes(folder), error.message);
  assert.match(error.message, /EROFS/);
  assert.match(error.message, /writable/);
  assert.match(error.message, /IOCP_LIBRARY/);
  assert.equal((error.cause as { code: string }).code, "EROFS");
});

test("extract() takes the file of another process that was faster", () => {
  const files = new MemoryFiles();
  files.isWindows = true;
  files.onRename = () => files.files.set(path, BYTES);
  const env = environment({ LOCALAPPDATA: "/cache" });
  assert.equal(extract(embedded, env, files), path);
  assert.deepEqual([...files.files.keys()], [path]);
});

test("extract() refuses the wrong file of another process", () => {
  const files = new MemoryFiles();
  files.isWindows = true;
  files.onRename = () => files.files.set(path, pattern(10));
  const env = environment({ LOCALAPPDATA: "/cache" });
  const { message } = refusal(() => extract(embedded, env, files));
  assert.match(message, /delete it/);
  assert.deepEqual([...files.files.keys()], [path]);
});
