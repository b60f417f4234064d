// Copyright the iocp authors. MIT license.
/* File systems for tests of the loader: one in memory, and temporary folders
 * of the real one. */

import { createHash } from "node:crypto";
import {
  cpSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Embedded } from "../../src/cache.ts";
import type { FileSystem } from "../../src/files.ts";

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Files in memory, which fail where a test says so. */
export class MemoryFiles implements FileSystem {
  readonly files: Map<string, Uint8Array> = new Map();
  /** Every change, in order. */
  readonly log: string[] = [];
  isWindows = false;
  isReadOnly = false;
  /** Called before a file is renamed. */
  onRename: (() => void) | undefined;

  join = (...parts: string[]): string => parts.join("/");
  absolute = (path: string): string =>
    path.startsWith("/") ? path : `/cwd/${path}`;
  fromUrl = (url: URL): string => url.pathname;
  canRead: (path: string) => boolean = () => true;
  sha256: typeof sha256 = sha256;

  read = (path: string): Uint8Array => {
    const bytes = this.files.get(path);
    if (bytes === undefined) throw failure("ENOENT", path);
    return bytes;
  };

  makeFolder = (path: string): void => {
    if (this.isReadOnly) throw failure("EROFS", path);
    this.log.push(`makeFolder ${path}`);
  };

  write = (path: string, bytes: Uint8Array): void => {
    if (this.isReadOnly) throw failure("EROFS", path);
    this.log.push(`write ${path}`);
    this.files.set(path, bytes);
  };

  rename = (from: string, to: string): void => {
    this.onRename?.();
    if (this.isWindows && this.files.has(to)) throw failure("EPERM", to);
    this.log.push(`rename ${from} ${to}`);
    this.files.set(to, this.files.get(from)!);
    this.files.delete(from);
  };

  remove = (path: string): void => {
    this.log.push(`remove ${path}`);
    this.files.delete(path);
  };

  isMissing = (error: unknown): boolean =>
    (error as { code?: string }).code === "ENOENT";
}

/** The embedded form of some bytes. */
export function embed(name: string, bytes: Uint8Array): Embedded {
  return {
    name,
    sha256: sha256(bytes),
    base64: Buffer.from(bytes).toString("base64"),
  };
}

/** A folder that goes with the block. */
export class TemporaryFolder implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), "iocp-test-"));

  join(...parts: string[]): string {
    return join(this.path, ...parts);
  }

  write(name: string, text: string): string {
    const path = this.join(name);
    writeFileSync(path, text);
    return path;
  }

  /* A library that is loaded cannot be removed on Windows. */
  [Symbol.dispose](): void {
    try {
      rmSync(this.path, { recursive: true, force: true, maxRetries: 5 });
    } catch {
      /* It is the system's temporary folder. */
    }
  }
}

/** The path of something in the repository. */
export function repositoryPath(name: string): string {
  return fileURLToPath(new URL(`../../${name}`, import.meta.url));
}

/** A copy of the module as it is published, without ffi/. */
export function copyModule(folder: TemporaryFolder): void {
  for (const name of ["mod.ts", "src"]) {
    cpSync(repositoryPath(name), folder.join(name), { recursive: true });
  }
}

/** A program that says which library it has loaded, or why none. It is the one
 * of tests/programs/library.ts, to be put beside a copy of the module. */
export const LIBRARY_PROGRAM: string = readFileSync(
  repositoryPath("tests/programs/library.ts"),
  "utf8",
).replace("../../mod.ts", "./mod.ts");
