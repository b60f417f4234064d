// Copyright the iocp authors. MIT license.

import type { ByteBuffer } from "./byte_buffer.ts";
import { endedInside, notText, tooLong } from "./failures.ts";
import type { LineSettings } from "../options/framing.ts";
import type { Lookahead, ReadCalls } from "./read_calls.ts";
import { textOf } from "./text.ts";
import type { Want } from "./want.ts";

const RETURN = 13;
/** A call of a decoder costs as much as decoding a few hundred bytes, so lines that
 * follow each other are decoded in blocks, from this length on ... */
const BLOCK_MIN = 512;
/** ... up to this one. A line that is kept may keep the text of its block alive. */
const BLOCK_MAX = 16 * 1024;

/** The next line, without its "\n" or "\r\n". */
export class Line implements Want<string | null>, Lookahead {
  readonly #calls: ReadCalls;
  readonly settings: LineSettings;
  /* The text of a block, which the buffer still has, without its last newline; where
   * the next line begins; and how many were given out. */
  #text = "";
  #at = 0;
  #count = 0;
  /* In bytes, with the last newline. 0: there is no block. */
  #blockLength = 0;
  /* How long the next block may be, if it begins where the last line has ended. */
  #blockMax = 0;
  #lastEnd = -1;

  constructor(calls: ReadCalls, settings: LineSettings) {
    this.#calls = calls;
    this.settings = settings;
  }

  /** A line that is decoded already, if there is one. */
  nextOfBlock(): string | undefined {
    const text = this.#text;
    const start = this.#at;
    if (start > text.length || this.#blockLength === 0) return undefined;
    let end = text.indexOf("\n", start);
    if (end < 0) end = text.length;
    this.#at = end + 1;
    this.#count++;
    if (end > start && text.charCodeAt(end - 1) === RETURN) end--;
    return text.slice(start, end);
  }

  take(buffer: ByteBuffer): string | undefined {
    const newline = buffer.findNewline();
    const end = newline < 0 ? -1 : lineEnd(buffer, newline);
    /* The last byte may be the "\r" of an end that has not come whole. */
    this.#limit(newline < 0 ? buffer.length - 1 : end);
    if (newline < 0) return undefined;
    const isNext = buffer.bytesUsed === this.#lastEnd;
    this.#blockMax = isNext
      ? Math.min(2 * this.#blockMax, BLOCK_MAX)
      : BLOCK_MIN;
    if (isNext && this.#decodeBlock(buffer, newline)) return this.nextOfBlock();
    const text = this.#decode(buffer, end);
    buffer.skip(newline + 1);
    this.#lastEnd = buffer.bytesUsed;
    return text;
  }

  end(buffer: ByteBuffer): string | null {
    const { length } = buffer;
    if (length === 0) return null;
    if (this.settings.requireNewline) {
      throw endedInside(this.#calls.source, "a line", length);
    }
    this.#limit(length);
    const text = this.#decode(buffer, length);
    buffer.skip(length);
    return text;
  }

  commit(buffer: ByteBuffer): void {
    if (this.#at > this.#text.length) buffer.skip(this.#blockLength);
    else {
      for (let count = 0; count < this.#count; count++) {
        buffer.skip(buffer.findNewline() + 1);
      }
    }
    this.#text = "";
    this.#blockLength = 0;
    this.#lastEnd = buffer.bytesUsed;
  }

  /* Decodes several lines. Returns false if the first one has to be taken by itself:
   * it is long, or there are bytes that are not text. */
  #decodeBlock(buffer: ByteBuffer, newline: number): boolean {
    const { maxLength, fatal } = this.settings;
    /* So short that no other line can be too long. */
    const limit = Math.min(this.#blockMax, maxLength + 1, buffer.length);
    if (newline >= limit) return false;
    const length = buffer.findLastNewline(limit) + 1;
    try {
      this.#text = textOf(buffer.view(length - 1), fatal);
    } catch {
      return false;
    }
    this.#at = this.#count = 0;
    this.#blockLength = length;
    this.#calls.lookAhead(this);
    return true;
  }

  #decode(buffer: ByteBuffer, length: number): string {
    try {
      return textOf(buffer.view(length), this.settings.fatal);
    } catch (error) {
      throw notText(this.#calls.source, error);
    }
  }

  #limit(length: number): void {
    const { maxLength } = this.settings;
    if (length <= maxLength) return;
    throw tooLong(this.#calls.source, "the line", maxLength);
  }
}

/* Where the line ends whose newline is there. */
function lineEnd(buffer: ByteBuffer, newline: number): number {
  const isReturn = newline > 0 && buffer.at(newline - 1) === RETURN;
  return isReturn ? newline - 1 : newline;
}
