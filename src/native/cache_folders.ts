// Copyright the iocp authors. MIT license.
/* The folders that the embedded library may be extracted to: the user's cache
 * folder, and where that will not do, one among the temporary files. */

import type { FileSystem } from "./files.ts";
import type { Runtime } from "../runtime/types.ts";

/** A folder of the system's. */
export interface CacheFolder {
  readonly folder: string;
  /** What the module's folder in it may be called. */
  readonly names: readonly [string, ...string[]];
  /** Whether all users make their folders in it. */
  readonly isShared: boolean;
}

/** The first value that is an absolute path. The specification of
 * XDG_CACHE_HOME has relative ones ignored, and the same holds for the others:
 * such a folder would be another one in each working directory.
 * https://specifications.freedesktop.org/basedir-spec/latest/ */
function absolute(
  paths: readonly (string | undefined)[],
  files: FileSystem,
): string | undefined {
  return paths.find((path) => path !== undefined && files.isAbsolute(path));
}

function inHome(
  home: string | undefined,
  files: FileSystem,
  ...parts: string[]
): string | undefined {
  /* A relative one, or none, stays what it is and is passed over. */
  if (home === undefined || !files.isAbsolute(home)) return undefined;
  return files.join(home, ...parts);
}

function userCache(
  env: Runtime["env"],
  files: FileSystem,
): string | undefined {
  if (files.isWindows) {
    const own = absolute([env("LOCALAPPDATA")], files);
    const home = absolute([env("USERPROFILE"), files.user.home], files);
    return own ?? inHome(home, files, "AppData", "Local");
  }
  const own = absolute([env("XDG_CACHE_HOME")], files);
  if (own !== undefined) return own;
  const home = absolute([env("HOME")], files) ?? files.user.home;
  return inHome(home, files, ".cache");
}

/* On Windows only a folder in the user's profile is that user's alone:
 * C:\Windows\Temp, and folders in the root of a drive, let others write. */
function windowsTemporary(
  env: Runtime["env"],
  files: FileSystem,
): string | undefined {
  const temporary = absolute([env("TEMP"), env("TMP")], files);
  const home = absolute([env("USERPROFILE"), files.user.home], files);
  if (temporary === undefined || home === undefined) return undefined;
  const inside = files.absolute(temporary).toLowerCase();
  const profile = files.join(files.absolute(home), "x").slice(0, -1);
  return inside.startsWith(profile.toLowerCase()) ? temporary : undefined;
}

/** The folders in the order in which they are tried. */
export function* cacheFolders(
  env: Runtime["env"],
  files: FileSystem,
): Generator<CacheFolder, void> {
  const names = ["iocp"] as const;
  const cache = userCache(env, files);
  if (cache !== undefined) yield { folder: cache, names, isShared: false };
  if (files.isWindows) {
    const folder = windowsTemporary(env, files);
    if (folder !== undefined) yield { folder, names, isShared: false };
    return;
  }
  const folder = absolute([env("TMPDIR")], files) ?? "/tmp";
  const { id } = files.user;
  const name = id === undefined ? "iocp" : `iocp-${id}`;
  /* Another user may have taken the first name. */
  const shared = [name, `${name}-1`, `${name}-2`, `${name}-3`] as const;
  yield { folder, names: shared, isShared: true };
}
