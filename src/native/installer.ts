// Copyright the iocp authors. MIT license.

import { LibraryError } from "../errors.ts";
import type { FileSystem } from "./files.ts";
import { atob, randomUUID } from "../runtime/globals.ts";
import { isPrivate } from "./trust.ts";

/** A library as `npm run build:native` embeds it. */
export interface Embedded {
  readonly name: string;
  readonly sha256: string;
  readonly base64: string;
}

/* On Windows a loaded file cannot be replaced, even if it is a wrong one: then the
 * next of this many names is tried. */
const MAX_NAMES = 4;

/* On Windows a file that a process has open cannot be replaced either: another
 * process that checks the same file, or a virus scanner. Such a file is closed
 * soon. In milliseconds, half a second in all. */
const PAUSES = [2, 4, 8, 16, 32, 64, 128, 256];

function decode(embedded: Embedded, files: FileSystem): Uint8Array {
  const bytes = Uint8Array.from(
    atob(embedded.base64),
    (c) => c.charCodeAt(0),
  );
  if (files.sha256(bytes) === embedded.sha256) return bytes;
  throw new LibraryError(
    "Cannot extract the iocp library: the hash of the embedded copy is wrong; download the module again",
  );
}

/** Writes the embedded library to one folder. */
export class Installer {
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

  /** Returns the path of a file with the right bytes, which is written if it does
   * not exist yet. */
  install(): string {
    const paths = Array.from(
      { length: MAX_NAMES },
      (_, index) => this.#files.join(this.#folder, this.#name(index)),
    );
    const intact = paths.find((path) => this.#isIntact(path));
    if (intact !== undefined) return intact;
    let failure: unknown;
    for (const path of paths) {
      try {
        this.#replace(path);
        return path;
      } catch (error) {
        /* Another process may have written it meanwhile. */
        if (this.#isIntact(path)) return path;
        failure ??= error;
      }
    }
    throw failure;
  }

  #name(index: number): string {
    const { name } = this.#embedded;
    return index === 0 ? name : name.replace(/(?=\.[^.]*$)/, `-${index}`);
  }

  #isIntact(path: string): boolean {
    const files = this.#files;
    try {
      const status = files.status(path);
      if (!status.isFile || !isPrivate(status, this.#owner, files)) {
        return false;
      }
      /* A longer file cannot be the library, and need not be read. */
      if (status.size > this.#embedded.base64.length) return false;
      return files.sha256(files.read(path)) === this.#embedded.sha256;
    } catch {
      return false;
    }
  }

  /* Renaming is atomic: other processes find the old file or the complete new
   * one. */
  #replace(path: string): void {
    const files = this.#files;
    const bytes = decode(this.#embedded, files);
    const temporary = `${path}.${randomUUID()}`;
    try {
      files.write(temporary, bytes);
      this.#rename(temporary, path);
    } catch (error) {
      this.#discard(temporary);
      throw error;
    }
  }

  #rename(temporary: string, path: string): void {
    const files = this.#files;
    for (const pause of files.isWindows ? PAUSES : []) {
      try {
        return files.rename(temporary, path);
      } catch (error) {
        /* Another process has written it, perhaps loaded it. */
        if (this.#isIntact(path)) throw error;
        files.sleep(pause);
      }
    }
    files.rename(temporary, path);
  }

  #discard(path: string): void {
    try {
      this.#files.remove(path);
    } catch {
      /* It does not exist, as the first error says. */
    }
  }
}
