// Copyright the iocp authors. MIT license.
/* The embedded library as a file. Its folder is named by its hash, so versions
 * never meet, and a loaded file is never written over: Windows would refuse,
 * and on Linux the process would crash. */

import { type CacheFolder, cacheFolders } from "./cache_folders.ts";
import { LibraryError } from "../errors.ts";
import type { FileSystem } from "./files.ts";
import { atob, randomUUID } from "../runtime/globals.ts";
import type { Runtime } from "../runtime/types.ts";
import { isPrivate, ownId, weakness } from "./trust.ts";

/** A library as `npm run build:native` embeds it. */
export interface Embedded {
  readonly name: string;
  readonly sha256: string;
  readonly base64: string;
}

/** A file with the library, or why there is none in a folder. */
export type Extraction =
  | { readonly path: string }
  | { readonly problem: string; readonly cause: unknown };

/** What remains to be done when no folder will do. */
export const WAY_OUT =
  "set IOCP_LIBRARY to the path of a copy of the library, which is used as it is";

/* On Windows a file that is loaded cannot be replaced, not even a wrong one.
 * Then the next name is taken. */
const MAX_NAMES = 4;

/** What went wrong, in words. */
export function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function decode(embedded: Embedded, files: FileSystem): Uint8Array {
  const bytes = Uint8Array.from(
    atob(embedded.base64),
    (c) => c.charCodeAt(0),
  );
  if (files.sha256(bytes) === embedded.sha256) return bytes;
  throw new LibraryError(
    "Cannot extract the iocp library: the embedded copy does not have its hash; download the module again",
  );
}

/* Installs the embedded copy in one folder. */
class Installer {
  readonly #embedded: Embedded;
  readonly #folder: string;
  readonly #owner: number | undefined;
  readonly #files: FileSystem;

  constructor(
    embedded: Embedded,
    folder: string,
    owner: number | undefined,
    files: FileSystem,
  ) {
    this.#embedded = embedded;
    this.#folder = folder;
    this.#owner = owner;
    this.#files = files;
  }

  /** Returns the path of a file with the right bytes, written when needed. */
  install(): string {
    let failure: unknown;
    for (let attempt = 0; attempt < MAX_NAMES; attempt++) {
      const path = this.#files.join(this.#folder, this.#name(attempt));
      if (this.#isIntact(path)) return path;
      try {
        this.#replace(path);
        return path;
      } catch (error) {
        /* Another process may have been faster. */
        if (this.#isIntact(path)) return path;
        failure ??= error;
      }
    }
    throw failure;
  }

  #name(attempt: number): string {
    const { name } = this.#embedded;
    return attempt === 0 ? name : name.replace(/(?=\.[^.]*$)/, `-${attempt}`);
  }

  #isIntact(path: string): boolean {
    const files = this.#files;
    try {
      const status = files.status(path);
      if (!status.isFile || !isPrivate(status, this.#owner, files)) {
        return false;
      }
      /* What cannot be the library need not be read. */
      if (status.size > this.#embedded.base64.length) return false;
      return files.sha256(files.read(path)) === this.#embedded.sha256;
    } catch {
      return false;
    }
  }

  /* A reader of the path finds the old file or the new one, whole. */
  #replace(path: string): void {
    const files = this.#files;
    const bytes = decode(this.#embedded, files);
    const temporary = `${path}.${randomUUID()}`;
    try {
      files.write(temporary, bytes);
      files.rename(temporary, path);
    } catch (error) {
      this.#discard(temporary);
      throw error;
    }
  }

  #discard(path: string): void {
    try {
      this.#files.remove(path);
    } catch {
      /* It was not made, which is what the first error says. */
    }
  }
}

/* To look costs less than to make, and needs no permission to write. */
function makeMissing(folder: string, files: FileSystem): void {
  try {
    files.status(folder);
  } catch {
    files.makeFolder(folder);
  }
}

/* The folder's path without links, and this process's user. Throws when other
 * users may change what is in the folder. */
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

/* The first of the folder's names that no other user has taken. Another user
 * may have made it as a link, so that is seen before anything is put there. */
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

/** The extracted library in one folder after the other, until one will do. */
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

/** Why the library cannot be had, and what to do. */
export function noLibrary(
  problems: readonly string[],
  cause: unknown,
): LibraryError {
  const why = problems.length > 0
    ? problems.join("; ")
    : "no folder is known that it can be extracted to";
  return new LibraryError(
    `Cannot load the iocp library: ${why}. Make one of these folders usable (under Deno: --allow-env --allow-read --allow-write), or ${WAY_OUT}`,
    { cause },
  );
}

/** Returns the path of the extracted library, extracting it when needed. */
export function extract(
  embedded: Embedded,
  env: Runtime["env"],
  files: FileSystem,
): string {
  const problems: string[] = [];
  let cause: unknown;
  for (const extraction of extractions(embedded, env, files)) {
    if ("path" in extraction) return extraction.path;
    problems.push(extraction.problem);
    cause ??= extraction.cause;
  }
  throw noLibrary(problems, cause);
}
