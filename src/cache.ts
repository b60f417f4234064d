// Copyright the iocp authors. MIT license.
/* The embedded library as a file. Its folder is named by its hash, so versions
 * never meet, and a loaded file is never written over: Windows would refuse,
 * and on Linux the process would crash. */

import { LibraryError } from "./errors.ts";
import { decodeBase64, randomUUID } from "./globals.ts";
import type { FileSystem } from "./files.ts";
import type { Runtime } from "./runtime/types.ts";

/** A library as `npm run build:native` embeds it. */
export interface Embedded {
  readonly name: string;
  readonly sha256: string;
  readonly base64: string;
}

const WAY_OUT =
  "set IOCP_LIBRARY to a copy of the library, which is used as it is";

/* The per-user cache folder of the system. */
function cacheFolder(env: Runtime["env"], files: FileSystem): string {
  const own = files.isWindows ? env("LOCALAPPDATA") : env("XDG_CACHE_HOME");
  if (own) return own;
  const home = env(files.isWindows ? "USERPROFILE" : "HOME");
  if (home) {
    return files.isWindows
      ? files.join(home, "AppData", "Local")
      : files.join(home, ".cache");
  }
  throw new LibraryError(
    `Cannot extract the iocp library: no cache folder is known; ${
      files.isWindows
        ? "LOCALAPPDATA and USERPROFILE are"
        : "XDG_CACHE_HOME and HOME are"
    } unset or not to be read (under Deno: --allow-env --allow-read --allow-write). Or ${WAY_OUT}`,
  );
}

function decode(embedded: Embedded, files: FileSystem): Uint8Array {
  const bytes = Uint8Array.from(
    decodeBase64(embedded.base64),
    (c) => c.charCodeAt(0),
  );
  if (files.sha256(bytes) === embedded.sha256) return bytes;
  throw new LibraryError(
    "Cannot extract the iocp library: the embedded copy does not have its hash; download the module again",
  );
}

/* Reads the extracted file; undefined when there is none. */
function verify(
  path: string,
  embedded: Embedded,
  files: FileSystem,
): string | undefined {
  let bytes: Uint8Array;
  try {
    bytes = files.read(path);
  } catch (error) {
    if (files.isMissing(error)) return undefined;
    throw error;
  }
  if (files.sha256(bytes) === embedded.sha256) return path;
  throw new LibraryError(
    `Cannot use the extracted iocp library ${path}: it has been changed and does not have its hash any more; delete it`,
  );
}

function install(
  folder: string,
  path: string,
  embedded: Embedded,
  files: FileSystem,
): string {
  const bytes = decode(embedded, files);
  files.makeFolder(folder);
  const temporary = `${path}.${randomUUID()}`;
  files.write(temporary, bytes);
  try {
    files.rename(temporary, path);
  } catch (error) {
    files.remove(temporary);
    /* Another process may have been faster, and Windows does not replace a
     * file that is loaded. */
    if (verify(path, embedded, files) === undefined) throw error;
  }
  return path;
}

/** Returns the path of the extracted library, extracting it when needed. */
export function extract(
  embedded: Embedded,
  env: Runtime["env"],
  files: FileSystem,
): string {
  const folder = files.join(cacheFolder(env, files), "iocp", embedded.sha256);
  const path = files.join(folder, embedded.name);
  try {
    return verify(path, embedded, files) ??
      install(folder, path, embedded, files);
  } catch (cause) {
    if (cause instanceof LibraryError) throw cause;
    throw new LibraryError(
      `Cannot extract the iocp library to ${folder}: ${
        cause instanceof Error ? cause.message : cause
      }; make the folder writable (under Deno: --allow-read --allow-write), or ${WAY_OUT}`,
      { cause },
    );
  }
}
