// Copyright the iocp authors. MIT license.
/* Whether other users may change what is in a folder. A library is checked by
 * its hash and then opened by its name, so between the two no other user may be
 * able to put another file in its place. */

import type { FileStatus, FileSystem } from "./files.ts";
import { randomUUID } from "../runtime/globals.ts";

const GROUP_WRITES = 0o020;
const OTHERS_WRITE = 0o002;
/* In a sticky folder, only its owner may move or remove an entry. */
const STICKY = 0o1000;
/* What Linux shows in a container for an owner that has no number there. */
const OVERFLOW_ID = 65534;

/** The number of this process's user, as far as it can be known. */
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
    /* A file of our own has our number as well. */
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

/* A group that has the number of the file's owner is that user's own, as most
 * systems make them; group 0 is root's. */
function mayOthersWrite({ mode, owner, group }: FileStatus): boolean {
  if ((mode & OTHERS_WRITE) !== 0) return true;
  return (mode & GROUP_WRITES) !== 0 && group !== 0 && group !== owner;
}

/** Whether only this user (and root) may change the file. */
export function isPrivate(
  status: FileStatus,
  me: number | undefined,
  files: FileSystem,
): boolean {
  if (files.isWindows) return true;
  return (status.owner === 0 || status.owner === me) && !mayOthersWrite(status);
}

/**
 * Says why the folder, a path without links, cannot be trusted, or undefined
 * when it can. On Windows the folders of a user's profile are for that user by
 * their access lists, and no others are asked about.
 *
 * In a system's folder for temporary files (`isShared`) it is the system's
 * matter how the folders above it are guarded: containers have them without
 * the sticky bit.
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
  if (mayOthersWrite(own)) return `other users may write to ${folder}`;
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
  /* What may not be looked at is not held against the folder. */
  if (!files.canRead(path)) return undefined;
  const status = files.status(path);
  const { owner, mode } = status;
  if (owner !== 0 && owner !== me && owner !== OVERFLOW_ID) {
    return `${path} belongs to another user`;
  }
  if (!mayOthersWrite(status) || (mode & STICKY) !== 0) return undefined;
  if (isShared && owner !== me) return undefined;
  return `other users may write to ${path}`;
}
