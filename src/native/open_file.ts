// Copyright the iocp authors. MIT license.

import type { NativePort } from "./port.ts";
import type { FileParts } from "../socket/file_parts.ts";
import { isWindows } from "../runtime/detect.ts";
import { nodeModule, TextEncoder } from "../runtime/globals.ts";

/* A longer path needs the prefix "\\?\", unless the program's manifest says
 * otherwise.
 * https://learn.microsoft.com/windows/win32/fileio/maximum-file-path-limitation */
const LONG_PATH = 248;
/* The library accepts at most IOCP_SEND_MAX of them. */
const CALL_MAX = 2 ** 29;

function encodePath(path: string): Uint8Array {
  const { resolve, toNamespacedPath } = nodeModule<
    { resolve(path: string): string; toNamespacedPath(path: string): string }
  >("node:path");
  const full = isWindows && path.length >= LONG_PATH
    ? toNamespacedPath(resolve(path))
    : path;
  return new TextEncoder().encode(full);
}

/** A file that the library has open, to be sent. */
export class OpenFile implements FileParts {
  readonly size: number;
  readonly #port: NativePort;
  readonly #id: number;

  /** Opens a file that may be read already.
   *
   * @throws {SocketError} with the path. */
  constructor(port: NativePort, path: string) {
    const size = new Float64Array(1);
    const id = port.openFile(encodePath(path), size);
    if (id < 0) throw port.error(id, { syscall: "open", address: path });
    this.#port = port;
    this.#id = id;
    this.size = size[0]!;
  }

  /** Passes the first bytes of a part to the library. With PENDING in the result,
   * SENT follows. */
  send(socket: number, offset: number, length: number): number {
    const count = Math.min(length, CALL_MAX);
    return this.#port.sendFile(socket, this.#id, offset, count);
  }

  /** What is being sent of it is sent all the same. */
  close(): void {
    this.#port.closeFile(this.#id);
  }
}
