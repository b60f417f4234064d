// Copyright the iocp authors. MIT license.

import { LibraryError } from "../errors.ts";
import type { FileSystem } from "./files.ts";
import { runtime } from "../runtime/detect.ts";

/** The same file system, but calls throw that Deno would ask the user about. */
export function grantedFiles(files: FileSystem): FileSystem {
  const { canRead, canWrite } = runtime;
  const allow = (isAllowed: boolean): void => {
    if (!isAllowed) throw new LibraryError("Cannot search for the iocp library: the permission is not granted");
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
