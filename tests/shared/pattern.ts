// Copyright the iocp authors. MIT license.
/* Test data, whose bytes depend on their position, and its hash. A byte that is
 * lost, repeated, swapped or from another stream changes the hash. */

import { createHash } from "node:crypto";

/* The finalizer of MurmurHash3: each bit of the result depends on all bits of
 * the number. */
function mix(number: number): number {
  number = Math.imul(number ^ (number >>> 16), 0x85ebca6b);
  number = Math.imul(number ^ (number >>> 13), 0xc2b2ae35);
  return number ^ (number >>> 16);
}

/** Bytes of stream `seed`, from `position` on. */
export function pattern(
  length: number,
  seed: number = 1,
  position: number = 0,
): Uint8Array<ArrayBuffer> {
  const first = Math.floor(position / 4);
  const count = Math.ceil((position + length) / 4) - first;
  const words = new Uint32Array(count);
  const start = Math.imul(seed, 0x9e3779b1);
  for (let i = 0; i < count; i++) words[i] = mix(start + first + i);
  return new Uint8Array(words.buffer, position - first * 4, length);
}

/** The running hash and length of a stream. */
export class Digest {
  readonly #hash = createHash("sha256");
  #text: string | undefined;
  length = 0;

  add(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.length += bytes.length;
  }

  /** Length and hash as one text. Nothing can be added afterwards. */
  text(): string {
    return this.#text ??= `${this.length} ${this.#hash.digest("hex")}`;
  }
}

/** The {@linkcode Digest.text} of these bytes. */
export function digest(...parts: Uint8Array[]): string {
  const result = new Digest();
  for (const part of parts) result.add(part);
  return result.text();
}

/** The parts as one array. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A text in UTF-8. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(encoder.encode(text));
}

/** The text of bytes in UTF-8. */
export function textOf(...parts: Uint8Array[]): string {
  return decoder.decode(concat(parts));
}

/** Detaches the ArrayBuffer of an array, as a transfer to a Worker does. */
export function detach(bytes: Uint8Array): void {
  structuredClone(bytes, { transfer: [bytes.buffer as ArrayBuffer] });
}
