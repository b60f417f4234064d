// Copyright the iocp authors. MIT license.
/* The embedded library as a file in a cache folder. The folder's name is the hash
 * of the library, so versions do not share it, and a loaded file is never
 * overwritten: Windows would refuse that, and on Linux the process would crash. */

import { type CacheFolder, cacheFolders } from "./cache_folders.ts";
import { LibraryError } from "../errors.ts";
import type { FileSystem } from "./files.ts";
import { type Embedded, Installer } from "./installer.ts";
import type { Runtime } from "../runtime/types.ts";
import { ownId, weakness } from "./trust.ts";

/** The path of the extracted library, or why a folder cannot have it. */
export type Extraction =
  | { readonly path: string }
  | { readonly problem: string; readonly cause: unknown };

/** What the user can do if no folder is usable. */
const WORKAROUND =
  "set IOCP_LIBRARY to the path of a copy of the library, which is used as it is";

/** The message of an error. */
export function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/* Most often it exists, and to look for it needs no permission to write. */
function makeMissing(folder: string, files: FileSystem): void {
  try {
    files.status(folder);
  } catch {
    files.makeFolder(folder);
  }
}

/* The path of the folder without links, and the user of this process. Throws when
 * other users may change the contents of the folder. */
function trusted(
  folder: string,
  isShared: boolean,
  env: Runtime["env"],
  files: FileSystem,
): { path: string; owner: number | undefined } {
  if (files.isWindows) return { path: folder, owner: undefined };
  const path = files.real(folder);
  const owner = ownId(path, env, files);
  const reason = weakness(path, owner, isShared, files);
  if (reason !== undefined) throw new UntrustedError(reason);
  return { path, owner };
}

class UntrustedError extends Error {}

/* The path with the first of the names that no other user has used. Another user
 * may have made it as a link, so it is checked before anything is written. */
function sharedFolder(
  { folder, names }: CacheFolder,
  env: Runtime["env"],
  files: FileSystem,
): string {
  let failure: unknown;
  for (const name of names) {
    const path = files.join(folder, name);
    makeMissing(path, files);
    try {
      if (files.status(path).isFolder) {
        return trusted(path, true, env, files).path;
      }
      failure ??= new UntrustedError(`${path} is not a folder`);
    } catch (error) {
      if (!(error instanceof UntrustedError)) throw error;
      failure ??= error;
    }
  }
  throw failure;
}

function extractTo(
  place: CacheFolder,
  embedded: Embedded,
  env: Runtime["env"],
  files: FileSystem,
): string {
  const { folder, names: [name], isShared } = place;
  const parent = isShared
    ? sharedFolder(place, env, files)
    : files.join(folder, name);
  const wanted = files.join(parent, embedded.sha256);
  makeMissing(wanted, files);
  const { path, owner } = trusted(wanted, isShared, env, files);
  return new Installer(embedded, path, owner, files).install();
}

/** Extracts the library to one folder after another, as far as the caller
 * iterates. */
export function* extractions(
  embedded: Embedded,
  env: Runtime["env"],
  files: FileSystem,
): Generator<Extraction, void> {
  for (const place of cacheFolders(env, files)) {
    let extraction: Extraction;
    try {
      extraction = { path: extractTo(place, embedded, env, files) };
    } catch (cause) {
      if (cause instanceof LibraryError) throw cause;
      const { folder, names: [name] } = place;
      const path = files.join(folder, name, embedded.sha256);
      const problem = `cannot extract it to ${path}: ${describe(cause)}`;
      extraction = { problem, cause };
    }
    yield extraction;
  }
}

/** The error when no library can be loaded. */
export function noLibrary(
  problems: readonly string[],
  cause: unknown,
): LibraryError {
  const why = problems.length > 0
    ? problems.join("; ")
    : "there is no folder to extract it to";
  return new LibraryError(
    `Cannot load the iocp library: ${why}. Make one of these folders usable (under Deno: --allow-env --allow-read --allow-write), or ${WORKAROUND}`,
    { cause },
  );
}
