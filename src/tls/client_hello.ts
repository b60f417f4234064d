// Copyright the iocp authors. MIT license.
/* The name that a client asks for (SNI), read from its first message: a server needs
 * it before the TLSSocket is made, since the runtimes differ in what a TLSSocket does
 * with a choice that takes time, or do nothing. */

import { TextDecoder } from "../runtime/globals.ts";

/** More bytes are not waited for. */
const HELLO_MAX = 16 * 1024;
/* RFC 8446, 5.1 and 4. */
const RECORD_HEADER = 5;
const HANDSHAKE_RECORD = 22;
const CLIENT_HELLO = 1;
const HANDSHAKE_HEADER = 4;
const VERSION_AND_RANDOM = 2 + 32;
/* RFC 6066, 3. */
const SERVER_NAME = 0;
const HOST_NAME = 0;

/** The bytes have ended inside of the message. */
class Incomplete extends Error {}

/* Reads numbers of several bytes, the first of which is the highest. */
class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  number(length: number): number {
    let value = 0;
    for (const byte of this.take(length)) value = value * 256 + byte;
    return value;
  }

  take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new Incomplete();
    const part = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return part;
  }

  /** A vector, whose length comes in so many bytes before it. */
  vector(lengthBytes: number): Uint8Array {
    return this.take(this.number(lengthBytes));
  }
}

/* The handshake messages, without the records that they are divided into. Undefined
 * when it is something else. */
function messagesOf(bytes: Uint8Array): Uint8Array | undefined {
  const all = new Uint8Array(bytes.length);
  let length = 0;
  let at = 0;
  while (at < bytes.length) {
    if (bytes[at] !== HANDSHAKE_RECORD) return undefined;
    if (at + RECORD_HEADER > bytes.length) break;
    const size = bytes[at + 3]! * 256 + bytes[at + 4]!;
    const start = at + RECORD_HEADER;
    const part = bytes.subarray(start, start + size);
    all.set(part, length);
    length += part.length;
    at = start + size;
  }
  return all.subarray(0, length);
}

function nameIn(extension: Uint8Array): string | undefined {
  const list = new Reader(new Reader(extension).vector(2));
  while (!list.isAtEnd) {
    const type = list.number(1);
    const name = list.vector(2);
    if (type !== HOST_NAME) continue;
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(name);
    return text.toLowerCase();
  }
  return undefined;
}

function nameOf(hello: Uint8Array): string | undefined {
  const reader = new Reader(hello);
  reader.take(VERSION_AND_RANDOM);
  /* The session, the cipher suites and the compression methods. */
  for (const lengthBytes of [1, 2, 1]) reader.vector(lengthBytes);
  if (reader.isAtEnd) return undefined;
  const extensions = new Reader(reader.vector(2));
  while (!extensions.isAtEnd) {
    const type = extensions.number(2);
    const extension = extensions.vector(2);
    if (type === SERVER_NAME) return nameIn(extension);
  }
  return undefined;
}

/**
 * The name in the first bytes of a client: undefined if it asks for none, or if they
 * are no ClientHello, which the TLSSocket will say. `"more"` asks for more bytes.
 */
export function helloName(
  bytes: Uint8Array,
): { readonly name: string | undefined } | "more" {
  const none = { name: undefined };
  const messages = messagesOf(bytes);
  if (messages === undefined) return none;
  const isLong = bytes.length >= HELLO_MAX;
  if (messages.length < HANDSHAKE_HEADER) return isLong ? none : "more";
  if (messages[0] !== CLIENT_HELLO) return none;
  const length = messages[1]! * 65536 + messages[2]! * 256 + messages[3]!;
  const hello = messages.subarray(HANDSHAKE_HEADER, HANDSHAKE_HEADER + length);
  if (hello.length < length) return isLong ? none : "more";
  try {
    return { name: nameOf(hello) };
  } catch (error) {
    if (error instanceof Incomplete) return none;
    throw error;
  }
}
