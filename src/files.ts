// Copyright the iocp authors. MIT license.

import { nodeModule } from "./globals.ts";

/** What finding the library needs of a file system; tests bring their own. */
export interface FileSystem {
  readonly isWindows: boolean;
  join(...parts: string[]): string;
  absolute(path: string): string;
  fromUrl(url: URL): string;
  /** Whether reading needs no question to the user. */
  canRead(path: string): boolean;
  read(path: string): Uint8Array;
  makeFolder(path: string): void;
  write(path: string, bytes: Uint8Array): void;
  rename(from: string, to: string): void;
  remove(path: string): void;
  sha256(bytes: Uint8Array): string;
  isMissing(error: unknown): boolean;
}

/* The few parts of Node's modules that are used, so that users need no types
 * of theirs. */
interface NodeFs {
  readFileSync(path: string): Uint8Array;
  mkdirSync(path: string, options: { recursive: true; mode: number }): void;
  writeFileSync(
    path: string,
    bytes: Uint8Array,
    options: { mode: number },
  ): void;
  renameSync(from: string, to: string): void;
  unlinkSync(path: string): void;
}
interface NodePath {
  join(...parts: string[]): string;
  resolve(path: string): string;
}
interface NodeCrypto {
  createHash(name: "sha256"): {
    update(bytes: Uint8Array): { digest(encoding: "hex"): string };
  };
}
interface NodeUrl {
  fileURLToPath(url: URL): string;
}

/** The file system of this process. */
export function systemFiles(
  isWindows: boolean,
  canRead: FileSystem["canRead"],
): FileSystem {
  const fs = nodeModule<NodeFs>("node:fs");
  const path = nodeModule<NodePath>("node:path");
  const crypto = nodeModule<NodeCrypto>("node:crypto");
  const url = nodeModule<NodeUrl>("node:url");
  return {
    isWindows,
    canRead,
    join: path.join,
    absolute: path.resolve,
    fromUrl: url.fileURLToPath,
    read: (file) => fs.readFileSync(file),
    /* Only the user may enter: a library that others can replace is theirs. */
    makeFolder: (folder) =>
      fs.mkdirSync(folder, { recursive: true, mode: 0o700 }),
    write: (file, bytes) => fs.writeFileSync(file, bytes, { mode: 0o600 }),
    rename: fs.renameSync,
    remove: fs.unlinkSync,
    sha256: (bytes) => crypto.createHash("sha256").update(bytes).digest("hex"),
    isMissing: (error) => (error as { code?: string }).code === "ENOENT",
  };
}
