// Copyright the iocp authors. MIT license.
/* The native library of this thread. */

import { describe, noLibrary } from "./cache.ts";
import { LibraryError } from "../errors.ts";
import { systemFiles } from "./files.ts";
import {
  findLibrary,
  type Found,
  type Search,
} from "./library_search.ts";
import { grantedFiles } from "./granted_files.ts";
import { isWindows, runtime } from "../runtime/detect.ts";
import { ABI, type Native } from "./symbols.ts";

/** The opened library. */
export interface Library {
  readonly native: Native;
  /** The file that it was loaded from. */
  readonly path: string;
}

/** Throws unless the library has the ABI of this module. */
export function checkAbi(native: Pick<Native, "iocp_abi">, path: string): void {
  const abi = native.iocp_abi();
  if (abi === ABI) return;
  throw new LibraryError(
    `Cannot use the iocp library ${path}: its ABI is ${abi} and this module needs ${ABI}; unset IOCP_LIBRARY, or build the library of this version with "npm run build:native"`,
  );
}

/* Messages of the system's loader for a file that may not be executed. */
const NOT_EXECUTABLE = /failed to map segment|operation not permitted/i;

function describeFailure(path: string, cause: unknown): string {
  /* The loader's message follows the path, which the runtimes repeat. */
  const message = describe(cause).split(`${path}: `).at(-1);
  const hint = NOT_EXECUTABLE.test(describe(cause))
    ? " (the folder may be on a file system that is mounted noexec)"
    : "";
  return `cannot open ${path}: ${message}${hint}`;
}

/** Opens the first candidate that can be opened. */
export function openLibrary(found: Iterable<Found>): Library {
  const problems: string[] = [];
  let first: unknown;
  for (const candidate of found) {
    if ("problem" in candidate) {
      problems.push(candidate.problem);
      first ??= candidate.cause;
      continue;
    }
    const { path, isVerified, isOnly } = candidate;
    let native: Native;
    try {
      native = runtime.open(path);
    } catch (cause) {
      if (isOnly || runtime.isPermissionError(cause)) throw cannotOpen(path, cause);
      if (!isVerified) continue;
      problems.push(describeFailure(path, cause));
      first ??= cause;
      continue;
    }
    checkAbi(native, path);
    return { native, path };
  }
  throw noLibrary(problems, first);
}

function cannotOpen(path: string, cause: unknown): LibraryError {
  return new LibraryError(
    `Cannot open the iocp library ${path}: ${describe(cause)}; ${
      runtime.permissionHint(path)
    }`,
    { cause },
  );
}

let library: Library | undefined;

function search(): Search {
  const { env, target, canRead } = runtime;
  const files = systemFiles(isWindows, canRead, runtime.user());
  const moduleUrl = (import.meta as { url?: string }).url;
  return { env, target, files, moduleUrl };
}

/** The library, opened at the first call and never closed. */
export function loadLibrary(): Library {
  return library ??= openLibrary(findLibrary(search()));
}

/* The candidates before the first that Deno would ask the user about. */
function* granted(found: Iterable<Found>): Generator<Found> {
  for (const candidate of found) {
    if ("path" in candidate && !runtime.canLoad(candidate.path)) return;
    yield candidate;
  }
}

/** The same, but throws where Deno would ask the user for a permission. */
export function loadLibraryIfGranted(): Library {
  if (library !== undefined) return library;
  const all = search();
  const found = findLibrary({ ...all, files: grantedFiles(all.files) });
  return library = openLibrary(granted(found));
}
