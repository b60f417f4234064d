// Copyright the iocp authors. MIT license.
/* The native library: the IOCP_LIBRARY override, else the file that a checkout
 * has beside the module, else the embedded copy, extracted. */

import { type Embedded, extract } from "./cache.ts";
import { LibraryError, NotSupported } from "./errors.ts";
import { type FileSystem, systemFiles } from "./files.ts";
import { WebURL } from "./globals.ts";
import linux_x86_64 from "./native/linux_x86_64.ts";
import windows_x86_64 from "./native/windows_x86_64.ts";
import { runtime } from "./runtime.ts";
import type { Runtime } from "./runtime/types.ts";
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
}

/* The prebuilt file of a checkout, or undefined when the module is remote or
 * has no such file. */
function besideModule(
  files: FileSystem,
  target: string,
  embedded: Embedded,
): Candidate | undefined {
  const url = new WebURL(
    `../ffi/prebuilt/${target}/${embedded.name}`,
    import.meta.url,
  );
  if (url.protocol !== "file:") return undefined;
  const path = files.fromUrl(url);
  /* To open a library needs no permission to read, so none is asked for. */
  if (!files.canRead(path)) return { path, isVerified: false };
  let bytes: Uint8Array;
  try {
    bytes = files.read(path);
  } catch (error) {
    if (files.isMissing(error)) return undefined;
    throw error;
  }
  if (files.sha256(bytes) === embedded.sha256) {
    return { path, isVerified: true };
  }
  throw new LibraryError(
    `Cannot use ${path}: it is not the build that this module embeds; run "npm run build:native", or set IOCP_LIBRARY to use it as it is`,
  );
}

/** The files to try, in order, each found only when the one before failed. */
export function* findLibrary(
  env: Runtime["env"],
  target: string,
  files: FileSystem,
  embedded?: Embedded,
): Generator<Candidate, void> {
  const override = env("IOCP_LIBRARY");
  if (override) {
    yield { path: files.absolute(override), isVerified: true };
    return;
  }
  embedded ??= embeddedFor(target);
  const beside = besideModule(files, target, embedded);
  if (beside !== undefined) yield beside;
  if (beside?.isVerified) return;
  yield { path: extract(embedded, env, files), isVerified: true };
}

/** Throws unless the library speaks this module's ABI. */
export function checkAbi(native: Pick<Native, "iocp_abi">, path: string): void {
  const abi = native.iocp_abi();
  if (abi === ABI) return;
  throw new LibraryError(
    `Cannot use the iocp library ${path}: its ABI is ${abi} and this module needs ${ABI}; unset IOCP_LIBRARY, or build the library of this version with "npm run build:native"`,
  );
}

/** Opens the first candidate that is there. */
export function openLibrary(candidates: Iterable<Candidate>): Library {
  for (const { path, isVerified } of candidates) {
    let native: Native;
    try {
      native = runtime.open(path);
    } catch (cause) {
      if (!isVerified && !runtime.isRefusal(cause)) continue;
      throw new LibraryError(
        `Cannot open the iocp library ${path}: ${
          cause instanceof Error ? cause.message : cause
        }; ${runtime.permissionHint(path)}`,
        { cause },
      );
    }
    checkAbi(native, path);
    return { native, path };
  }
  throw new LibraryError("Cannot find the iocp library");
}

let library: Library | undefined;

/** The library, opened at the first call and never closed. */
export function loadLibrary(): Library {
  const { env, target, canRead } = runtime;
  const files = systemFiles(target.startsWith("windows"), canRead);
  return library ??= openLibrary(findLibrary(env, target, files));
}
