// Copyright the iocp authors. MIT license.

import { nodeModule } from "../runtime/globals.ts";

/** What a path names itself: a link is not followed. */
export interface FileStatus {
  readonly isFile: boolean;
  readonly isFolder: boolean;
  readonly size: number;
  /** The numbers of its owner and group; 0 on Windows. */
  readonly owner: number;
  readonly group: number;
  /** The permission bits; without meaning on Windows. */
  readonly mode: number;
}

/** The user that this process runs as, as far as it can be known. */
export interface User {
  readonly id?: number | undefined;
  readonly home?: string | undefined;
}

/** What finding the library needs of a file system; tests bring their own. */
export interface FileSystem {
  readonly isWindows: boolean;
  readonly user: User;
  join(...parts: string[]): string;
  absolute(path: string): string;
  isAbsolute(path: string): boolean;
  /** The folder that the path is in; of a root, the root. */
  parent(path: string): string;
  fromUrl(url: string): string;
  /** Whether reading needs no question to the user. */
  canRead(path: string): boolean;
  read(path: string): Uint8Array;
  status(path: string): FileStatus;
  /** The path without links. */
  real(path: string): string;
  makeFolder(path: string): void;
  /** Writes a file that is not there yet. */
  write(path: string, bytes: Uint8Array): void;
  rename(from: string, to: string): void;
  remove(path: string): void;
  sha256(bytes: Uint8Array): string;
}

/* The few parts of Node's modules that are used, so that users need no types
 * of theirs. */
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
    /* Only the user may enter: a library that others can replace is theirs. */
    makeFolder: (folder) =>
      fs.mkdirSync(folder, { recursive: true, mode: 0o700 }),
    write: (file, bytes) =>
      fs.writeFileSync(file, bytes, { mode: 0o600, flag: "wx" }),
    rename: fs.renameSync,
    remove: fs.unlinkSync,
    sha256: (bytes) => crypto.createHash("sha256").update(bytes).digest("hex"),
  };
}
