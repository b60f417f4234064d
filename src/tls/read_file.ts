// Copyright the iocp authors. MIT license.

import { numberOf } from "../errors.ts";
import { nodeModule } from "../runtime/globals.ts";
import type { FileParts } from "../socket/file_parts.ts";
import type { SocketPort } from "../loop/socket_loop.ts";

interface NodeFs {
  openSync(path: string, flags: "r"): number;
  fstatSync(file: number): { readonly size: number };
  readSync(
    file: number,
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): number;
  closeSync(file: number): void;
}

/** The most bytes that are encrypted at a time: 15 records of TLS, with which they are
 * no more than the library takes in one call (IOCP_SEND_MAX). */
export const PLAIN_MAX: number = 15 * 16 * 1024;

export const FILE_SHRUNK: number = numberOf("ENODATA");
export const FILE_UNREADABLE: number = numberOf("EIO");

/** A file that is read by the program. With TLS the system cannot send it. */
export class ReadFile implements FileParts {
  readonly size: number;
  readonly #port: SocketPort;
  readonly #fs: NodeFs;
  readonly #file: number;
  #buffer: Uint8Array | undefined;

  /** `check` opens the file in the way of the library, and throws if it cannot be
   * sent. */
  constructor(port: SocketPort, path: string, check: () => FileParts) {
    check().close();
    const fs = this.#fs = nodeModule<NodeFs>("node:fs");
    this.#port = port;
    this.#file = fs.openSync(path, "r");
    this.size = fs.fstatSync(this.#file).size;
  }

  send(socket: number, offset: number, length: number): number {
    const buffer = this.#buffer ??= new Uint8Array(Math.min(PLAIN_MAX, length));
    const most = Math.min(buffer.length, length);
    let count: number;
    try {
      count = this.#fs.readSync(this.#file, buffer, 0, most, offset);
    } catch {
      return FILE_UNREADABLE;
    }
    if (count === 0 && length > 0) return FILE_SHRUNK;
    return this.#port.send(socket, buffer, 0, count);
  }

  close(): void {
    this.#fs.closeSync(this.#file);
  }
}
