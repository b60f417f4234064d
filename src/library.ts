// Copyright the iocp authors. MIT license.
/* Finding the native library: the IOCP_LIBRARY override, then the file that a
 * checkout has beside the module, then the embedded copy, extracted. */

import { type Embedded, extract } from "./cache.ts";
import { LibraryError, NotSupported } from "./errors.ts";
import { type FileSystem, systemFiles } from "./files.ts";
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

/* The prebuilt file of a checkout, or undefined when the module is remote or
 * has no such file. */
function besideModule(
  files: FileSystem,
  target: string,
  embedded: Embedded,
): string | undefined {
  const url = new URL(
    `../ffi/prebuilt/${target}/${embedded.name}`,
    import.meta.url,
  );
  if (url.protocol !== "file:") return undefined;
  const path = files.fromUrl(url);
  let bytes: Uint8Array;
  try {
    bytes = files.read(path);
  } catch (error) {
    /* Without the permission to read, opening it decides. */
    return files.isMissing(error) ? undefined : path;
  }
  if (files.sha256(bytes) === embedded.sha256) return path;
  throw new LibraryError(
    `Cannot use ${path}: it is not the build that this module embeds; run "npm run build:native", or set IOCP_LIBRARY to use it as it is`,
  );
}

/** Chooses the file to open. */
export function findLibrary(
  env: Runtime["env"],
  target: string,
  files: FileSystem,
  embedded?: Embedded,
): string {
  const override = env("IOCP_LIBRARY");
  if (override) return files.absolute(override);
  embedded ??= embeddedFor(target);
  return besideModule(files, target, embedded) ??
    extract(embedded, env, files);
}

/** Opens the file and makes sure that it is of this module's kind. */
export function openLibrary(path: string): Library {
  let native: Native;
  try {
    native = runtime.open(path);
  } catch (cause) {
    throw new LibraryError(
      `Cannot open the iocp library ${path}: ${
        runtime.permissionHint(path)
      }`,
      { cause },
    );
  }
  const abi = native.iocp_abi();
  if (abi === ABI) return { native, path };
  throw new LibraryError(
    `Cannot use the iocp library ${path}: its ABI is ${abi} and this module needs ${ABI}; unset IOCP_LIBRARY, or build the library of this version with "npm run build:native"`,
  );
}

let library: Library | undefined;

/** The library, opened at the first call and never closed. */
export function loadLibrary(): Library {
  library ??= openLibrary(
    findLibrary(
      runtime.env,
      runtime.target,
      systemFiles(runtime.target.startsWith("windows")),
    ),
  );
  return library;
}
