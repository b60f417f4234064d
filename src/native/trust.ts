// Copyright the iocp authors. MIT license.
/* Whether other users may change the contents of a folder. The hash of a library
 * is checked before it is opened by its path, and no other user may be able to
 * replace the file in between. */

import type { FileStatus, FileSystem } from "./files.ts";
import { randomUUID } from "../runtime/globals.ts";

const GROUP_WRITES = 0o020;
const OTHERS_WRITE = 0o002;
/* In a sticky folder, only the owner of an entry may move or remove it. */
const STICKY = 0o1000;
/* The user id that Linux shows in a container for an owner outside of it. */
const OVERFLOW_ID = 65534;

/** The user id of this process, or undefined if it cannot be found out. */
export function ownId(
  folder: string,
  env: (name: string) => string | undefined,
  files: FileSystem,
): number | undefined {
  if (files.user.id !== undefined) return files.user.id;
  const home = env("HOME");
  try {
    if (home !== undefined && files.isAbsolute(home) && files.canRead(home)) {
      return files.status(home).owner;
    }
  } catch {
    /* A new file has the same owner. */
  }
  return ownerOfNewFile(files.join(folder, randomUUID()), files);
}

function ownerOfNewFile(path: string, files: FileSystem): number | undefined {
  try {
    files.write(path, new Uint8Array(0));
  } catch {
    return undefined;
  }
  try {
    return files.status(path).owner;
  } finally {
    files.remove(path);
  }
}

/* A group with the same number as the owner is usually that user's private group;
 * group 0 is root's. */
function isWritableByOthers({ mode, owner, group }: FileStatus): boolean {
  if ((mode & OTHERS_WRITE) !== 0) return true;
  return (mode & GROUP_WRITES) !== 0 && group !== 0 && group !== owner;
}

/** Whether only the user `me` and root may change the file. */
export function isPrivate(
  status: FileStatus,
  me: number | undefined,
  files: FileSystem,
): boolean {
  if (files.isWindows) return true;
  return (status.owner === 0 || status.owner === me) && !isWritableByOthers(status);
}

/**
 * Returns why the folder, a path without links, cannot be trusted, or undefined
 * when it can. On Windows only folders in the user's profile come here, which the
 * access control lists of the profile protect.
 *
 * For a folder among the temporary files (`isShared`), the folders above belong to
 * the system, and in containers they may lack the sticky bit: they are accepted.
 */
export function weakness(
  folder: string,
  me: number | undefined,
  isShared: boolean,
  files: FileSystem,
): string | undefined {
  if (files.isWindows) return undefined;
  const own = files.status(folder);
  if (!own.isFolder) return `${folder} is not a folder`;
  if (own.owner !== 0 && own.owner !== me) {
    return `${folder} belongs to another user`;
  }
  if (isWritableByOthers(own)) return `other users may write to ${folder}`;
  for (let path = folder;;) {
    const above = files.parent(path);
    if (above === path) return undefined;
    path = above;
    const reason = weaknessAbove(path, me, isShared, files);
    if (reason !== undefined) return reason;
  }
}

function weaknessAbove(
  path: string,
  me: number | undefined,
  isShared: boolean,
  files: FileSystem,
): string | undefined {
  /* A folder whose status cannot be read without asking the user is
   * accepted. */
  if (!files.canRead(path)) return undefined;
  const status = files.status(path);
  const { owner, mode } = status;
  if (owner !== 0 && owner !== me && owner !== OVERFLOW_ID) {
    return `${path} belongs to another user`;
  }
  if (!isWritableByOthers(status) || (mode & STICKY) !== 0) return undefined;
  if (isShared && owner !== me) return undefined;
  return `other users may write to ${path}`;
}
