// Copyright the iocp authors. MIT license.

import { SocketError } from "./errors.ts";
import { nodeModule } from "./runtime/globals.ts";

/* The permissions of the group and of others. */
const OTHERS = 0o077;

interface NodeStats {
  isDirectory(): boolean;
  readonly uid: number;
  readonly mode: number;
}
interface NodeFs {
  lstatSync(path: string): NodeStats;
  mkdirSync(path: string, options: { mode: number }): void;
}

/**
 * Returns the folder, which is made if it does not exist, once it is sure that no
 * other user can make or replace a file in it. In a folder for temporary files
 * everyone may make one of that name first, so it is checked each time.
 *
 * @throws {SocketError} `EACCES` when it is not a folder of this user alone.
 */
export function privateFolder(folder: string, uid: number | undefined): string {
  const fs = nodeModule<NodeFs>("node:fs");
  try {
    fs.mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as { code?: string }).code !== "EEXIST") throw error;
  }
  const status = fs.lstatSync(folder);
  const problem = !status.isDirectory()
    ? "it is not a folder"
    : status.uid !== uid
    ? "it belongs to another user"
    : (status.mode & OTHERS) !== 0
    ? "other users may enter it"
    : undefined;
  if (problem === undefined) return folder;
  throw new SocketError("EACCES", {
    syscall: "lstat",
    address: folder,
    detail: problem,
  });
}
