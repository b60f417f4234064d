// Copyright the iocp authors. MIT license.
/* The native library: the IOCP_LIBRARY override, else the file that a checkout
 * has beside the module, else the embedded copy, extracted. */

import {
  describe,
  type Embedded,
  type Extraction,
  extractions,
  noLibrary,
} from "./cache.ts";
import { LibraryError, NotSupported } from "../errors.ts";
import { type FileSystem, systemFiles } from "./files.ts";
import { URL } from "../runtime/globals.ts";
import linux_x86_64 from "./linux_x86_64.ts";
import windows_x86_64 from "./windows_x86_64.ts";
import { runtime } from "../runtime/detect.ts";
import type { Runtime } from "../runtime/types.ts";
import { ABI, type Native } from "./symbols.ts";

/** The opened library. */
export interface Library {
  readonly native: Native;
  /** Where it was loaded from. */
  readonly path: string;
}

const EMBEDDED: Readonly<Record<string, Embedded>> = {
  linux_x86_64,
  windows_x86_64,
};

function embeddedFor(target: string): Embedded {
  const embedded = EMBEDDED[target];
  if (embedded !== undefined) return embedded;
  throw new NotSupported(
    `Cannot load the iocp library on ${target}: there is one for ${
      Object.keys(EMBEDDED).join(", ")
    }; build one from ffi/ and set IOCP_LIBRARY to its path`,
  );
}

/** A file that may be the library. */
export interface Candidate {
  readonly path: string;
  /** False when the file could not be looked at, so it may not be there. */
  readonly isVerified: boolean;
  /** Whether it is this file or none. */
  readonly isOnly?: boolean;
}

/** What comes of looking in one place. */
export type Found = Candidate | Extract<Extraction, { problem: string }>;

/* Only a checkout has the library beside this file. In a bundle, an executable
 * or a `blob:` module the file has another name or none, and what is near it is
 * the user's. Where import.meta has no URL (bundles as cjs and iife), there is
 * none either. */
const IN_CHECKOUT = /^file:.*\/src\/native\/library\.ts$/;

function besideModule(
  moduleUrl: string | undefined,
  files: FileSystem,
  target: string,
  { name, sha256 }: Embedded,
): Candidate | undefined {
  if (moduleUrl === undefined || !IN_CHECKOUT.test(moduleUrl)) return undefined;
  let path: string;
  let bytes: Uint8Array;
  try {
    const relative = `../../ffi/prebuilt/${target}/${name}`;
    path = files.fromUrl(new URL(relative, moduleUrl).href);
    /* To open a library needs no permission to read, so none is asked for. */
    if (!files.canRead(path)) return { path, isVerified: false };
    bytes = files.read(path);
  } catch {
    /* Whatever the reason, this place is only passed by. */
    return undefined;
  }
  if (files.sha256(bytes) === sha256) return { path, isVerified: true };
  throw new LibraryError(
    `Cannot use ${path}: it is not the build that this module embeds; run "npm run build:native", or set IOCP_LIBRARY to use it as it is`,
  );
}

/** Where to look. */
export interface Search {
  readonly env: Runtime["env"];
  readonly target: string;
  readonly files: FileSystem;
  /** Another library than the target's. */
  readonly embedded?: Embedded;
  /** The URL of this file, where it has one. */
  readonly moduleUrl: string | undefined;
}

/** The files to try, in order, each found only when the one before failed. */
export function* findLibrary(
  { env, target, files, embedded, moduleUrl }: Search,
): Generator<Found, void> {
  const override = env("IOCP_LIBRARY");
  if (override) {
    yield { path: files.absolute(override), isVerified: true, isOnly: true };
    return;
  }
  embedded ??= embeddedFor(target);
  const beside = besideModule(moduleUrl, files, target, embedded);
  if (beside !== undefined) yield beside;
  for (const extraction of extractions(embedded, env, files)) {
    yield "path" in extraction
      ? { path: extraction.path, isVerified: true }
      : extraction;
  }
}

/** Throws unless the library speaks this module's ABI. */
export function checkAbi(native: Pick<Native, "iocp_abi">, path: string): void {
  const abi = native.iocp_abi();
  if (abi === ABI) return;
  throw new LibraryError(
    `Cannot use the iocp library ${path}: its ABI is ${abi} and this module needs ${ABI}; unset IOCP_LIBRARY, or build the library of this version with "npm run build:native"`,
  );
}

/* The words of the system's loader for a file that may not be executed. */
const NOT_EXECUTABLE = /failed to map segment|operation not permitted/i;

function describeFailure(path: string, cause: unknown): string {
  /* The loader's own words follow the path, which the runtimes repeat. */
  const message = describe(cause).split(`${path}: `).at(-1);
  const hint = NOT_EXECUTABLE.test(describe(cause))
    ? " (the folder may be on a file system that is mounted noexec)"
    : "";
  return `cannot open ${path}: ${message}${hint}`;
}

/** Opens the first candidate that is there. */
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
      if (isOnly || runtime.isRefusal(cause)) throw cannotOpen(path, cause);
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
  const isWindows = target.startsWith("windows");
  const files = systemFiles(isWindows, canRead, runtime.user());
  const moduleUrl = (import.meta as { url?: string }).url;
  return { env, target, files, moduleUrl };
}

/** The library, opened at the first call and never closed. */
export function loadLibrary(): Library {
  return library ??= openLibrary(findLibrary(search()));
}

/* Those that need no question to the user. */
function* loadable(found: Iterable<Found>): Generator<Found> {
  for (const candidate of found) {
    if ("path" in candidate && !runtime.canLoad(candidate.path)) return;
    yield candidate;
  }
}

/* The same files, where each call fails that would ask the user. */
function quiet(files: FileSystem): FileSystem {
  const { canRead, canWrite } = runtime;
  const allow = (isAllowed: boolean): void => {
    if (!isAllowed) throw new LibraryError("Cannot look for the library yet");
  };
  return {
    ...files,
    read(path) {
      allow(canRead(path));
      return files.read(path);
    },
    status(path) {
      allow(canRead(path));
      return files.status(path);
    },
    real(path) {
      allow(canRead(path));
      return files.real(path);
    },
    makeFolder(path) {
      allow(canWrite(path));
      files.makeFolder(path);
    },
    write(path, bytes) {
      allow(canWrite(path));
      files.write(path, bytes);
    },
  };
}

/** The same, if it is possible without a question to the user; else throws. */
export function loadLibraryQuietly(): Library {
  if (library !== undefined) return library;
  const all = search();
  const found = findLibrary({ ...all, files: quiet(all.files) });
  return library = openLibrary(loadable(found));
}
