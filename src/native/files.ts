// Copyright the iocp authors. MIT license.

import { nodeModule } from "../runtime/globals.ts";

/** The status of a path. Links are not followed. */
export interface FileStatus {
  readonly isFile: boolean;
  readonly isFolder: boolean;
  readonly size: number;
  /** The ids of its owner and group; 0 on Windows. */
  readonly owner: number;
  readonly group: number;
  /** The permission bits; without meaning on Windows. */
  readonly mode: number;
}

/** The user of this process, as far as it is known. */
export interface User {
  readonly id?: number | undefined;
  readonly home?: string | undefined;
}

/** The file system functions that the search for the library needs. Tests bring
 * their own. */
export interface FileSystem {
  readonly isWindows: boolean;
  readonly user: User;
  join(...parts: string[]): string;
  absolute(path: string): string;
  isAbsolute(path: string): boolean;
  /** The folder of the path; for a root, the root. */
  parent(path: string): string;
  fromUrl(url: string): string;
  /** Whether the path may be read without asking the user. */
  canRead(path: string): boolean;
  read(path: string): Uint8Array;
  status(path: string): FileStatus;
  /** The path without links. */
  real(path: string): string;
  makeFolder(path: string): void;
  /** Writes a new file; throws if it exists. */
  write(path: string, bytes: Uint8Array): void;
  rename(from: string, to: string): void;
  remove(path: string): void;
  sha256(bytes: Uint8Array): string;
  /** Blocks this thread. */
  sleep(milliseconds: number): void;
}

/* The parts of Node's modules that are used here, so that users need not have
 * Node's types. */
interface NodeStats {
  isFile(): boolean;
  isDirectory(): boolean;
  readonly size: number;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}
interface NodeFs {
  readFileSync(path: string): Uint8Array;
  lstatSync(path: string): NodeStats;
  realpathSync(path: string): string;
  mkdirSync(path: string, options: { recursive: true; mode: number }): void;
  writeFileSync(
    path: string,
    bytes: Uint8Array,
    options: { mode: number; flag: "wx" },
  ): void;
  renameSync(from: string, to: string): void;
  unlinkSync(path: string): void;
}
interface NodePath {
  join(...parts: string[]): string;
  resolve(path: string): string;
  isAbsolute(path: string): boolean;
  dirname(path: string): string;
}
interface NodeCrypto {
  createHash(name: "sha256"): {
    update(bytes: Uint8Array): { digest(encoding: "hex"): string };
  };
}
interface NodeUrl {
  fileURLToPath(url: string): string;
}

function statusOf(stats: NodeStats): FileStatus {
  return {
    isFile: stats.isFile(),
    isFolder: stats.isDirectory(),
    size: stats.size,
    owner: stats.uid,
    group: stats.gid,
    mode: stats.mode,
  };
}

/** The file system of this process. */
export function systemFiles(
  isWindows: boolean,
  canRead: FileSystem["canRead"],
  user: User = {},
): FileSystem {
  const fs = nodeModule<NodeFs>("node:fs");
  const path = nodeModule<NodePath>("node:path");
  const crypto = nodeModule<NodeCrypto>("node:crypto");
  const url = nodeModule<NodeUrl>("node:url");
  return {
    isWindows,
    user,
    canRead,
    join: path.join,
    absolute: path.resolve,
    isAbsolute: path.isAbsolute,
    parent: path.dirname,
    fromUrl: url.fileURLToPath,
    read: (file) => fs.readFileSync(file),
    status: (file) => statusOf(fs.lstatSync(file)),
    real: (file) => fs.realpathSync(file),
    /* Private: other users must not be able to replace the library. */
    makeFolder: (folder) =>
      fs.mkdirSync(folder, { recursive: true, mode: 0o700 }),
    write: (file, bytes) =>
      fs.writeFileSync(file, bytes, { mode: 0o600, flag: "wx" }),
    rename: fs.renameSync,
    remove: fs.unlinkSync,
    sha256: (bytes) => crypto.createHash("sha256").update(bytes).digest("hex"),
    sleep: (milliseconds) => {
      const word = new Int32Array(new SharedArrayBuffer(4));
      Atomics.wait(word, 0, 0, milliseconds);
    },
  };
}
