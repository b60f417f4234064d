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
    let failure: unknown;
    for (let attempt = 0; attempt < MAX_NAMES; attempt++) {
      const path = this.#files.join(this.#folder, this.#name(attempt));
      if (this.#isIntact(path)) return path;
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
      /* It does not exist, as the first error says. */
    }
  }
}
