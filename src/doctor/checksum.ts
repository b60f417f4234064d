// Copyright the iocp authors. MIT license.
/* Bytes to send, and the check that the same bytes came back. */

import { nodeModule } from "../runtime/globals.ts";

interface NodeCrypto {
  createHash(name: "sha256"): {
    update(bytes: Uint8Array): unknown;
    digest(encoding: "hex"): string;
  };
}

/** Makes bytes that do not repeat at the boundaries of buffers. */
export function testBytes(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = 1;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

/** The SHA-256 of chunks. */
export class Checksum {
  readonly #hash = nodeModule<NodeCrypto>("node:crypto").createHash("sha256");
  byteLength = 0;

  add(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.byteLength += chunk.length;
  }

  /** Throws unless exactly these bytes were added. */
  requireSame(expected: Uint8Array): void {
    const { byteLength } = this;
    if (byteLength !== expected.length) {
      throw new Error(
        `Cannot echo: ${byteLength} of ${expected.length} bytes came back`,
      );
    }
    const wanted = new Checksum();
    wanted.add(expected);
    if (this.#hash.digest("hex") === wanted.#hash.digest("hex")) return;
    throw new Error(`Cannot echo: ${byteLength} bytes came back changed`);
  }
}
