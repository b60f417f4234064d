// Copyright the iocp authors. MIT license.
/* Checks of the arguments of this folder's functions, with the errors of node:net. */

import {
  badPort,
  outOfRange,
  wrongArgType,
  wrongArgValue,
} from "./net_error.ts";
import type { AddressFilter } from "../options/address_filter.ts";
import { NotSupported } from "../errors.ts";
import { isWindows } from "../runtime/detect.ts";
import type { EventListener } from "../runtime/node_types.ts";
import { runtimeNet } from "./node_parts.ts";

/* The longest time of a timer, and the largest signed number of 32 bits. */
const INT32_MAX = 2 ** 31 - 1;

/** The arguments of connect() or listen() as options and a callback. */
export type NormalizedArgs = [
  options: Record<string, unknown>,
  callback: EventListener | null,
];

/* The arrays that normalizeArgs() has made. */
const normalized = new WeakSet<object>();

/** Arguments that count, text for example "8080", or false. */
export function toNumber(value: unknown): number | false {
  const number = Number(value);
  return number >= 0 ? number : false;
}

/** Whether the argument is a path, unlike a port. */
function isPath(value: unknown): value is string {
  return typeof value === "string" && toNumber(value) === false;
}

/** Brings the signatures of `connect()` and `listen()` into one form. */
export function normalizeArgs(args: readonly unknown[]): NormalizedArgs {
  const [first, second] = args;
  if (Array.isArray(first) && normalized.has(first)) {
    return first as NormalizedArgs;
  }
  let options: Record<string, unknown> = {};
  if (typeof first === "object" && first !== null) {
    options = first as Record<string, unknown>;
  } else if (isPath(first)) {
    options = { path: first };
  } else if (args.length > 0) {
    options = { port: first };
    if (args.length > 1 && typeof second === "string") {
      options = { port: first, host: second };
    }
  }
  const last = args.at(-1);
  const callback = typeof last === "function" ? last as EventListener : null;
  const result: NormalizedArgs = [options, callback];
  normalized.add(result);
  return result;
}

/** Checks a function. */
export function requireFunction(name: string, value: unknown): void {
  if (typeof value !== "function") throw wrongArgType(name, "function", value);
}

/** Checks a text. */
export function requireString(name: string, value: unknown): void {
  if (typeof value !== "string") throw wrongArgType(name, "string", value);
}

/** Checks a number, of any size. */
export function requireNumber(name: string, value: unknown): void {
  if (typeof value !== "number") throw wrongArgType(name, "number", value);
}

/** Checks a truth value. */
export function requireBoolean(name: string, value: unknown): void {
  if (typeof value !== "boolean") throw wrongArgType(name, "boolean", value);
}

/** Checks a whole number from `min` to 2,147,483,647. */
export function requireInt32(
  name: string,
  value: unknown,
  min: number,
): number {
  if (typeof value !== "number") throw wrongArgType(name, "number", value);
  if (!Number.isInteger(value)) throw outOfRange(name, "an integer", value);
  if (value < min || value > INT32_MAX) {
    throw outOfRange(name, `>= ${min} && <= ${INT32_MAX}`, value);
  }
  return value;
}

/** Checks a port, which may be a text. */
export function requirePort(name: string, value: unknown): number {
  const isPort = (typeof value === "number" ||
    typeof value === "string" && value.trim() !== "") &&
    Number(value) === (Number(value) >>> 0) && Number(value) <= 0xffff;
  if (!isPort) throw badPort(name, value);
  return Number(value);
}

/** Checks the byte of an IP header. */
export function requireTypeOfService(name: string, value: unknown): number {
  if (typeof value !== "number" || Number.isNaN(value)) {
    throw wrongArgType(name, "number", value);
  }
  if (!Number.isInteger(value)) throw outOfRange(name, "an integer", value);
  if (value < 0 || value > 255) throw outOfRange(name, ">= 0 && <= 255", value);
  if (isWindows) {
    throw new NotSupported(
      `Cannot set ${name}: Windows ignores the code point that a program sets`,
    );
  }
  return value;
}

/** Checks an AbortSignal. */
export function requireSignal(name: string, value: unknown): void {
  if (typeof value !== "object" || value === null || !("aborted" in value)) {
    throw wrongArgType(name, "AbortSignal", value);
  }
}

/** A block list, or undefined. */
export function optionalBlockList(
  name: string,
  value: unknown,
): AddressFilter | undefined {
  if (!value) return undefined;
  if (!(value instanceof runtimeNet.BlockList)) {
    throw wrongArgType(name, "net.BlockList", value);
  }
  return value as AddressFilter;
}

/** Options of streams that a socket of bytes cannot have. */
export function refuseObjectModes(options: Record<string, unknown>): void {
  const name = ["objectMode", "readableObjectMode", "writableObjectMode"]
    .find((name) => options[name]);
  if (name === undefined) return;
  throw wrongArgValue(`options.${name}`, options[name], "is not supported");
}
