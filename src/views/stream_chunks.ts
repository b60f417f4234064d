// Copyright the iocp authors. MIT license.
/* What a stream is given to write. As in Node's net, strings stay strings until they are
 * sent: most are short, and go to the library in memory that is used again. */

import { byteLengthOf, encodeToBuffer } from "./node_buffer.ts";
import { TextEncoder } from "../runtime/globals.ts";
import type { WrittenChunk } from "../runtime/node_types.ts";

/* The most bytes of one UTF-16 unit. */
const UNIT_MAX = 3;

const encoder = new TextEncoder();

/** The bytes of a chunk. */
export function bytesOfChunk({ chunk, encoding }: WrittenChunk): Uint8Array {
  return typeof chunk === "string" ? encodeToBuffer(chunk, encoding) : chunk;
}

/** The number of bytes of chunks. */
export function lengthOfChunks(chunks: readonly WrittenChunk[]): number {
  let length = 0;
  for (const { chunk, encoding } of chunks) {
    length += typeof chunk === "string"
      ? byteLengthOf(chunk, encoding)
      : chunk.length;
  }
  return length;
}

/** Copies all chunks to `target`. Returns their length in bytes, or undefined if there
 * may not be room for them. */
export function copyChunks(
  target: Uint8Array,
  chunks: readonly WrittenChunk[],
): number | undefined {
  let offset = 0;
  for (const each of chunks) {
    const { chunk } = each;
    const isText = typeof chunk === "string";
    const most = isText ? UNIT_MAX * chunk.length : chunk.length;
    if (most > target.length - offset) return undefined;
    if (isText) offset += copyText(target, offset, each);
    else {
      target.set(chunk, offset);
      offset += chunk.length;
    }
  }
  return offset;
}

function copyText(
  target: Uint8Array,
  offset: number,
  each: WrittenChunk,
): number {
  const { chunk, encoding } = each as { chunk: string; encoding?: string };
  const isUtf8 = encoding === "utf8" || encoding === "utf-8";
  if (isUtf8 || encoding === "latin1" || encoding === "ascii") {
    const free = offset === 0 ? target : target.subarray(offset);
    const { written } = encoder.encodeInto(chunk, free);
    /* ASCII is the same in all of them. */
    if (isUtf8 || written === chunk.length) return written;
  }
  const bytes = bytesOfChunk(each);
  target.set(bytes, offset);
  return bytes.length;
}
