// Copyright the iocp authors. MIT license.
/* File systems for tests of the loader: one in memory, and temporary folders on
 * disk. */

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
import type { Embedded } from "../../src/native/installer.ts";
import type { FileStatus, FileSystem, User } from "../../src/native/files.ts";

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/* A folder that only root can write to. */
const ROOT_FOLDER: FileStatus = {
  isFile: false,
  isFolder: true,
  size: 0,
  owner: 0,
  group: 0,
  mode: 0o755,
};

/** Files in memory, with failures that a test chooses. */
export class MemoryFiles implements FileSystem {
  readonly files: Map<string, Uint8Array> = new Map();
  readonly folders: Set<string> = new Set(["/", "/cache", "/tmp", "/home"]);
  /** Where the status of a file or folder differs from the default. */
  readonly statuses: Map<string, Partial<FileStatus>> = new Map();
  /** The error codes of all operations on a path, and on paths below it. */
  readonly failing: Map<string, string> = new Map();
  /** Every change, in order. */
  readonly log: string[] = [];
  isWindows = false;
  user: User = { id: 1_000 };
  /** Called before a file is renamed. */
  onRename: ((to: string) => void) | undefined;
  /** Called after each pause. */
  onSleep: (() => void) | undefined;
  /** The sum of all pauses, in milliseconds. */
  slept = 0;
  /** Called with the path of a new file, before its bytes are written. */
  onWrite: ((path: string) => void) | undefined;

  join = (...parts: string[]): string => parts.join("/");
  absolute = (path: string): string =>
    path.startsWith("/") ? path : `/cwd/${path}`;
  isAbsolute = (path: string): boolean => path.startsWith("/");
  parent = (path: string): string =>
    path.slice(0, path.lastIndexOf("/")) || "/";
  fromUrl = (url: string): string => new URL(url).pathname;
  canRead: (path: string) => boolean = () => true;
  real: (path: string) => string = (path) => path;
  sha256: typeof sha256 = sha256;

  #failIfSet(path: string): void {
    for (const [where, code] of this.failing) {
      if (path === where || path.startsWith(`${where}/`)) {
        throw failure(code, path);
      }
    }
  }

  read = (path: string): Uint8Array => {
    this.#failIfSet(path);
    const bytes = this.files.get(path);
    if (bytes === undefined) throw failure("ENOENT", path);
    return bytes;
  };

  status = (path: string): FileStatus => {
    const special = this.statuses.get(path);
    const bytes = this.files.get(path);
    if (bytes !== undefined) {
      const file = { isFile: true, isFolder: false, mode: 0o600 };
      const size = bytes.length;
      return { ...ROOT_FOLDER, ...file, owner: 1_000, size, ...special };
    }
    if (!this.folders.has(path)) throw failure("ENOENT", path);
    return { ...ROOT_FOLDER, ...special };
  };

  makeFolder = (path: string): void => {
    this.#failIfSet(path);
    this.log.push(`makeFolder ${path}`);
    for (let each = path; each !== "/"; each = this.parent(each)) {
      this.folders.add(each);
    }
  };

  write = (path: string, bytes: Uint8Array): void => {
    this.#failIfSet(path);
    if (this.files.has(path)) throw failure("EEXIST", path);
    this.log.push(`write ${path}`);
    this.files.set(path, bytes.subarray(0, 0));
    this.onWrite?.(path);
    this.files.set(path, bytes);
  };

  rename = (from: string, to: string): void => {
    this.onRename?.(to);
    if (this.isWindows && this.files.has(to)) throw failure("EPERM", to);
    this.log.push(`rename ${from} ${to}`);
    this.files.set(to, this.files.get(from)!);
    this.files.delete(from);
  };

  remove = (path: string): void => {
    this.log.push(`remove ${path}`);
    if (!this.files.delete(path)) throw failure("ENOENT", path);
  };

  sleep = (milliseconds: number): void => {
    this.slept += milliseconds;
    this.onSleep?.();
  };
}

/** The embedded form of some bytes. */
export function embed(name: string, bytes: Uint8Array): Embedded {
  return {
    name,
    sha256: sha256(bytes),
    base64: Buffer.from(bytes).toString("base64"),
  };
}

/** A temporary folder, which is removed at the end of the block. */
export class TemporaryFolder implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), "iocp-test-"));

  join(...parts: string[]): string {
    return join(this.path, ...parts);
  }

  write(name: string, content: string | Uint8Array): string {
    const path = this.join(name);
    writeFileSync(path, content);
    return path;
  }

  [Symbol.dispose](): void {
    try {
      rmSync(this.path, { recursive: true, force: true, maxRetries: 5 });
    } catch {
      /* Windows cannot remove a loaded library. The folder stays with the other
       * temporary files of the system. */
    }
  }
}

/** The absolute path of a file or folder of the repository. */
export function repositoryPath(name: string): string {
  return fileURLToPath(new URL(`../../${name}`, import.meta.url));
}

/** Copies the module into a folder as it is published, without ffi/. */
export function copyModule(folder: TemporaryFolder): void {
  for (const name of ["mod.ts", "src"]) {
    cpSync(repositoryPath(name), folder.join(name), { recursive: true });
  }
}

/** The text of tests/programs/library.ts, which prints the library that it has
 * loaded or the error. It imports a copy of the module in its own folder. */
export const LIBRARY_PROGRAM: string = readFileSync(
  repositoryPath("tests/programs/library.ts"),
  "utf8",
).replace("../../mod.ts", "./mod.ts");
