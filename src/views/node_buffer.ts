// Copyright the iocp authors. MIT license.
/* Node's Buffer, loaded when it is first used. */

import { nodeModule } from "../runtime/globals.ts";
import type { BufferClass } from "../runtime/node_types.ts";

let Buffer: BufferClass | undefined;

function bufferClass(): BufferClass {
  return Buffer ??= nodeModule<{ Buffer: BufferClass }>("node:buffer").Buffer;
}

/** A Buffer of the same memory. */
export function viewAsBuffer(bytes: Uint8Array): Uint8Array {
  return bufferClass().from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** A Buffer with a copy of the bytes. */
export function copyToBuffer(bytes: Uint8Array): Uint8Array {
  return bufferClass().from(bytes);
}

/** A Buffer with the bytes of a text. */
export function encodeToBuffer(
  text: string,
  encoding: string | undefined,
): Uint8Array {
  return bufferClass().from(text, encoding);
}

/** How many bytes a text has. */
export function byteLengthOf(
  text: string,
  encoding: string | undefined,
): number {
  return bufferClass().byteLength(text, encoding);
}
