// Copyright the iocp authors. MIT license.
/* The files that may be the native library, in this order: IOCP_LIBRARY and
 * nothing else, where it is set; the file that a checkout has; the embedded
 * library, extracted to a cache folder. */

import { type Extraction, extractions } from "./cache.ts";
import { LibraryError, NotSupported } from "../errors.ts";
import type { FileSystem } from "./files.ts";
import type { Embedded } from "./installer.ts";
import { URL } from "../runtime/globals.ts";
import linux_x86_64 from "./linux_x86_64.ts";
import windows_x86_64 from "./windows_x86_64.ts";
import type { Runtime } from "../runtime/types.ts";

const EMBEDDED: Readonly<Record<string, Embedded>> = {
  linux_x86_64,
  windows_x86_64,
};

function embeddedFor(target: string): Embedded {
  const embedded = EMBEDDED[target];
  if (embedded !== undefined) return embedded;
  throw new NotSupported(
    `Cannot load the iocp library on ${target}: the module has it for ${
      Object.keys(EMBEDDED).join(", ")
    } only; build it from ffi/ and set IOCP_LIBRARY to its path`,
  );
}

/** The SHA-256 of the library that this module embeds for a target, or undefined
 * when there is none. */
export function expectedHash(target: string): string | undefined {
  return EMBEDDED[target]?.sha256;
}

/** A file that may be the library. */
export interface Candidate {
  readonly path: string;
  /** False when the file could not be read, so that it may not exist. */
  readonly isVerified: boolean;
  /** True when no other file may be tried. */
  readonly isOnly?: boolean;
}

/** A candidate, or why a place has none. */
export type Found = Candidate | Extract<Extraction, { problem: string }>;

/* Only a checkout has the library at a path relative to the module. In a bundle,
 * an executable or a `blob:` module, library.ts has another name or none, and the
 * files near it are the user's. In bundles as cjs and iife, import.meta has no
 * URL. */
const IN_CHECKOUT = /^file:.*\/src\/native\/library\.ts$/;

function checkoutLibrary(
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
    /* Opening a library needs no permission to read, so none is requested. */
    if (!files.canRead(path)) return { path, isVerified: false };
    bytes = files.read(path);
  } catch {
    /* It is not required to be there. */
    return undefined;
  }
  if (files.sha256(bytes) === sha256) return { path, isVerified: true };
  throw new LibraryError(
    `Cannot use ${path}: it is not the build that this module embeds; run "npm run build:native", or set IOCP_LIBRARY to use it as it is`,
  );
}

/** What the search depends on. */
export interface Search {
  readonly env: Runtime["env"];
  readonly target: string;
  readonly files: FileSystem;
  /** By default the one for the target. */
  readonly embedded?: Embedded;
  /** The URL of library.ts, where it has one. */
  readonly moduleUrl: string | undefined;
}

/* The loader opens whatever the path names, and opening a FIFO waits for a writer.
 * Where Deno would ask the user for a permission, the loader decides. */
function isSpecialFile(path: string, files: FileSystem): boolean {
  try {
    const real = files.canRead(path) ? files.real(path) : path;
    return files.canRead(real) && !files.status(real).isFile;
  } catch {
    return false;
  }
}

/** The files to try, in order. Each is searched for only after the previous one
 * has failed. */
export function* findLibrary(
  { env, target, files, embedded, moduleUrl }: Search,
): Generator<Found, void> {
  const override = env("IOCP_LIBRARY");
  if (override) {
    const path = files.absolute(override);
    if (isSpecialFile(path, files)) {
      throw new LibraryError(
        `Cannot open the iocp library ${path}: it is not a regular file; correct or unset IOCP_LIBRARY`,
      );
    }
    yield { path, isVerified: true, isOnly: true };
    return;
  }
  embedded ??= embeddedFor(target);
  const checkout = checkoutLibrary(moduleUrl, files, target, embedded);
  if (checkout !== undefined) yield checkout;
  for (const extraction of extractions(embedded, env, files)) {
    yield "path" in extraction
      ? { path: extraction.path, isVerified: true }
      : extraction;
  }
}
