// Copyright the iocp authors. MIT license.
/* The folders that the embedded library may be extracted to: the user's cache
 * folder, and then the folder for temporary files. */

import type { FileSystem } from "./files.ts";
import type { Runtime } from "../runtime/types.ts";

/** A folder of the system, in which the module may make its own. */
export interface CacheFolder {
  readonly folder: string;
  /** Names for the module's folder. Only a shared folder has more than one. */
  readonly names: readonly [string, ...string[]];
  /** True when all users make folders in it. */
  readonly isShared: boolean;
}

/* The first value that is an absolute path. The specification of XDG_CACHE_HOME
 * requires relative paths to be ignored. So are those of the other variables,
 * since each working directory would have a cache of its own.
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

/* On Windows only folders in the user's profile are private: other users may
 * write to C:\Windows\Temp and to folders in the root of a drive. */
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
  /* The first name may be in use by another user. */
  const shared = [name, `${name}-1`, `${name}-2`, `${name}-3`] as const;
  yield { folder, names: shared, isShared: true };
}
