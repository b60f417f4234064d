// Copyright the iocp authors. MIT license.
/* Calls of a reader, and what they return for all of the bytes at once: a plain model
 * that knows no chunks, no waiting and no buffer. */

import type { ByteReader } from "../../mod.ts";
import { SocketError } from "../../mod.ts";
import { bytesOf } from "./pattern.ts";
import type { Random } from "./random.ts";

/** A call, or a loop that is left after some turns. */
export type Op =
  | { kind: "readExactly" | "peek"; count: number; maxLength: number }
  | { kind: "skip"; count: number }
  | { kind: "readUntil"; delimiter: string; maxLength: number }
  | {
    kind: "readLine" | "lines";
    turns: number;
    maxLength: number;
    fatal: boolean;
    requireNewline: boolean;
  }
  | {
    kind: "frames";
    turns: number;
    maxLength: number;
    lengthBytes: number;
    lengthOffset: number;
    headerBytes: number;
    lengthAdjustment: number;
    endian: "big" | "little";
    includeHeader: boolean;
  };

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const shown = (value: unknown) =>
  value instanceof Uint8Array ? hex(value) : JSON.stringify(value);

function code(error: unknown): string {
  if (error instanceof SocketError) return error.code;
  throw error;
}

async function loop(source: AsyncIterable<unknown>, turns: number) {
  const results: string[] = [];
  try {
    for await (const one of source) {
      results.push(shown(one));
      if (results.length === turns) return results.join(" ");
    }
    results.push("done");
  } catch (error) {
    results.push(code(error));
  }
  return results.join(" ");
}

/** Runs a call. @returns its result or the code of its error, as text */
export async function run(reader: ByteReader, op: Op): Promise<string> {
  if (op.kind === "lines") return await loop(reader.lines(op), op.turns);
  if (op.kind === "frames") return await loop(reader.frames(op), op.turns);
  try {
    switch (op.kind) {
      case "readExactly":
        return shown(await reader.readExactly(op.count, op));
      case "peek":
        return shown(await reader.peek(op.count, op));
      case "skip":
        return shown(await reader.skip(op.count));
      case "readUntil":
        return shown(await reader.readUntil(op.delimiter, op));
      case "readLine":
        return shown(await reader.readLine(op));
    }
  } catch (error) {
    return code(error);
  }
}

/** The bytes that are left, and what calls return for them. */
export class Model {
  readonly #bytes: Buffer;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes);
  }

  get left(): Buffer {
    return this.#bytes.subarray(this.at);
  }

  take(count: number): Buffer {
    const bytes = this.left.subarray(0, count);
    this.at += bytes.length;
    return bytes;
  }

  run(op: Op): string {
    const { left } = this;
    switch (op.kind) {
      case "readExactly":
        if (op.count > op.maxLength) return "EMSGSIZE";
        if (op.count > left.length) return "EUNEXPECTEDEND";
        return hex(this.take(op.count));
      case "peek":
        if (op.count > op.maxLength) return "EMSGSIZE";
        if (op.count > 0 && left.length === 0) return "null";
        return hex(left.subarray(0, op.count));
      case "skip":
        if (this.take(op.count).length < op.count) return "EUNEXPECTEDEND";
        return `${op.count}`;
      case "readUntil": {
        const at = left.indexOf(op.delimiter);
        const { length } = bytesOf(op.delimiter);
        const before = at < 0 ? left.length - length + 1 : at;
        if (before > op.maxLength) return "EMSGSIZE";
        if (at >= 0) return hex(this.take(at + length));
        return left.length === 0 ? "null" : "EUNEXPECTEDEND";
      }
      case "readLine":
        return this.#line(op) ?? "null";
      case "lines":
        return this.#turns(op.turns, () => this.#line(op));
      case "frames":
        return this.#turns(op.turns, () => this.#frame(op));
    }
  }

  #turns(turns: number, next: () => string | undefined): string {
    const results: string[] = [];
    while (results.length < turns) {
      const result = next() ?? "done";
      results.push(result);
      if (/^([A-Z]+|done)$/.test(result)) break;
    }
    return results.join(" ");
  }

  #line(op: Op & { kind: "readLine" | "lines" }): string | undefined {
    const { left } = this;
    if (left.length === 0) return undefined;
    const newline = left.indexOf("\n");
    const isWhole = newline >= 0;
    const end = !isWhole
      ? left.length
      : left[newline - 1] === 13
      ? newline - 1
      : newline;
    /* Without a newline, one byte more may still be the "\r" of it. */
    if (end > op.maxLength + (isWhole || !op.requireNewline ? 0 : 1)) {
      return "EMSGSIZE";
    }
    if (!isWhole && op.requireNewline) return "EUNEXPECTEDEND";
    let text: string;
    try {
      const { fatal } = op;
      text = new TextDecoder("utf-8", { fatal, ignoreBOM: true })
        .decode(left.subarray(0, end));
    } catch {
      return "EILSEQ";
    }
    this.take(isWhole ? newline + 1 : end);
    return JSON.stringify(text);
  }

  #frame(op: Op & { kind: "frames" }): string | undefined {
    const { left } = this;
    const header = op.headerBytes;
    if (left.length === 0) return undefined;
    if (left.length < header) return "EUNEXPECTEDEND";
    const number = op.endian === "big"
      ? left.readUIntBE(op.lengthOffset, op.lengthBytes)
      : left.readUIntLE(op.lengthOffset, op.lengthBytes);
    const length = number + op.lengthAdjustment;
    if (length < 0) return "EBADMSG";
    if (length > op.maxLength) return "EMSGSIZE";
    if (left.length < header + length) return "EUNEXPECTEDEND";
    const frame = this.take(header + length);
    return hex(op.includeHeader ? frame : frame.subarray(header));
  }
}

const TEXTS = [
  "a",
  "bc",
  "",
  "\r",
  "é",
  "漢字",
  "😀",
  "\ufeff",
  "x".repeat(40),
];

/** Random bytes in which lines, frames and errors of both occur. */
export function pickBytes(random: Random): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let left = random.size(60); left > 0; left--) {
    const kind = random.integer(0, 9);
    if (kind < 5) {
      const text = Array.from(
        { length: random.integer(0, 4) },
        () => random.pick(TEXTS),
      ).join("");
      parts.push(bytesOf(text + random.pick(["\n", "\r\n", "\n", "--", ""])));
    } else if (kind < 8) {
      const length = random.size(random.chance(0.2) ? 15_000 : 30) - 1;
      const header = [length >> 8, length & 255];
      parts.push(new Uint8Array(header), new Uint8Array(length).fill(length));
    } else if (kind === 8) {
      parts.push(
        new Uint8Array(random.size(20)).map(() => random.integer(0, 255)),
      );
    } else {
      parts.push(bytesOf(`${"long ".repeat(random.size(5_000))}\n`));
    }
  }
  return new Uint8Array(Buffer.concat(parts));
}

/** A random call. */
export function pickOp(random: Random): Op {
  const maxLength = random.chance(0.2) ? random.size(50) : 65_536;
  const turns = random.size(12);
  const kind = random.pick<Op["kind"]>([
    "readExactly",
    "peek",
    "skip",
    "readUntil",
    "readLine",
    "readLine",
    "lines",
    "lines",
    "frames",
  ]);
  switch (kind) {
    case "readExactly":
    case "peek":
      return {
        kind,
        count: random.size(random.chance(0.3) ? 15_000 : 60) - 1,
        maxLength,
      };
    case "skip":
      return { kind, count: random.size(60) - 1 };
    case "readUntil": {
      const delimiter = random.pick(["\n", "\r\n", "--", "字", "\0", "aab"]);
      return { kind, delimiter, maxLength };
    }
    case "readLine":
    case "lines": {
      const fatal = random.chance(0.6);
      const requireNewline = random.chance(0.3);
      return { kind, turns, maxLength, fatal, requireNewline };
    }
    case "frames": {
      const lengthBytes = random.pick([1, 2, 2, 2, 3, 4]);
      const lengthOffset = random.pick([0, 0, 1, 3]);
      return {
        kind,
        turns,
        maxLength,
        lengthBytes,
        lengthOffset,
        headerBytes: lengthOffset + lengthBytes + random.pick([0, 0, 2]),
        lengthAdjustment: random.pick([0, 0, -2, 1]),
        endian: random.pick(["big", "little"]),
        includeHeader: random.chance(0.3),
      };
    }
  }
}

/** The bytes in pieces of random sizes, some of them empty. */
export function* pieces(
  bytes: Uint8Array,
  random: Random,
): Generator<Uint8Array> {
  const sizes = bytes.length < 3_000 ? [1, 3, 40, 5_000] : [5_000, 100_000];
  const most = random.pick(sizes);
  for (let at = 0; at < bytes.length;) {
    const size = random.chance(0.1) ? 0 : random.size(most);
    yield bytes.subarray(at, at + size);
    at += size;
  }
}
