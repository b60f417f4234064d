// Copyright the iocp authors. MIT license.
/* Bytes that tell their place, and their hash. A byte that is lost, repeated,
 * swapped or taken from another stream changes the hash. */

import { createHash } from "node:crypto";

/* The finaliser of murmur3: every bit of the number counts for each bit of the
 * result. */
function mix(number: number): number {
  number = Math.imul(number ^ (number >>> 16), 0x85ebca6b);
  number = Math.imul(number ^ (number >>> 13), 0xc2b2ae35);
  return number ^ (number >>> 16);
}

/** The bytes of stream `seed` from `position` on. */
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

/** A hash that grows with the bytes, and how many they were. */
export class Digest {
  readonly #hash = createHash("sha256");
  #text: string | undefined;
  length = 0;

  add(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.length += bytes.length;
  }

  /** Length and hash in one text, to compare. Nothing can be added after. */
  text(): string {
    return this.#text ??= `${this.length} ${this.#hash.digest("hex")}`;
  }
}

/** What {@linkcode Digest.text} gives for these bytes. */
export function digest(...parts: Uint8Array[]): string {
  const result = new Digest();
  for (const part of parts) result.add(part);
  return result.text();
}

/** Bytes as one piece. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The bytes of a text. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(encoder.encode(text));
}

/** The text of bytes. */
export function textOf(...parts: Uint8Array[]): string {
  return decoder.decode(concat(parts));
}

/** Takes the memory of some bytes away, as a transfer to a Worker does. */
export function detach(bytes: Uint8Array): void {
  structuredClone(bytes, { transfer: [bytes.buffer as ArrayBuffer] });
}
