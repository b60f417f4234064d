// Copyright the iocp authors. MIT license.
/* Checks of arguments. A compiled FFI call wraps a wrong number silently, so
 * everything that reaches C is checked here. */

import { NotSupported } from "../errors.ts";

/* Why other transports are not supported. */
const TRANSPORTS = new Map(Object.entries({
  udp: "it sends datagrams, and this makes streams",
  unixpacket: "it sends datagrams, and this makes streams",
  vsock:
    "its addresses are virtual machines, and this needs a host name and a port",
}));

function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "object" && value !== null) {
    return value.constructor?.name ?? "object";
  }
  return String(value);
}

/** Throws a TypeError that names the argument. */
export function wrongType(name: string, wanted: string, value: unknown): never {
  throw new TypeError(
    `The "${name}" argument must be ${wanted}: got ${shown(value)}`,
  );
}

/** A plain options object. */
export function requireOptions(value: unknown, name = "options"): void {
  if (typeof value !== "object" || value === null) {
    wrongType(name, "an object", value);
  }
}

/** An integer from `min` to `max`. */
export function requireInteger(
  name: string,
  value: unknown,
  min: number,
  max: number,
): number {
  if (typeof value !== "number") wrongType(name, "a number", value);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(
      `The "${name}" argument must be an integer from ${min} to ${max}: got ${value}`,
    );
  }
  /* The FFI does not accept -0 as an integer. */
  return value + 0;
}

/** A boolean, or undefined for the default. */
export function optionalBoolean(
  name: string,
  value: unknown,
  fallback: boolean,
): boolean {
  if (value === undefined) return fallback;
  if (typeof value !== "boolean") wrongType(name, "a boolean", value);
  return value;
}

/** An integer, or undefined for the default. */
export function optionalInteger(
  name: string,
  value: unknown,
  min: number,
  max: number,
  fallback: number,
): number {
  if (value === undefined) return fallback;
  return requireInteger(name, value, min, max);
}

/** A port number, or the text of one as `Number()` reads it: that of an
 * environment variable. */
export function requirePort(
  value: unknown,
  min: number,
  name = "port",
): number {
  if (typeof value !== "string") {
    return requireInteger(name, value, min, 65535);
  }
  const port = value.trim() === "" ? NaN : Number(value);
  if (Number.isNaN(port)) wrongType(name, "a number", value);
  return requireInteger(name, port, min, 65535);
}

/** The transport, which can only be "tcp". */
export function requireTransport(syscall: string, value: unknown): void {
  if (value === undefined || value === "tcp") return;
  if (typeof value !== "string") wrongType("transport", "a string", value);
  throw new NotSupported(
    `Cannot ${syscall} with the transport ${shown(value)}: ${
      TRANSPORTS.get(value) ?? "there is no such transport"
    }; the "transport" argument can only be "tcp"`,
  );
}

/** The transport of datagrams, which follows from whether there is a path. */
export function requireDatagramTransport(
  value: unknown,
  wanted: "udp" | "unixpacket",
): void {
  if (value === undefined || value === wanted) return;
  if (typeof value !== "string") wrongType("transport", "a string", value);
  const reason = value === "udp"
    ? "its addresses have no path"
    : TRANSPORTS.has(value) && value !== "unixpacket"
    ? "it sends no datagrams"
    : "there is no such transport";
  throw new NotSupported(
    `Cannot bind with the transport ${
      shown(value)
    }: ${reason}; the "transport" argument can be "udp", or "unixpacket" with a path`,
  );
}

/** The path of a unix socket, or `""`. Only an abstract name has NULs; and lone
 * surrogates, which would all become the same path, are in none. */
export function requirePath(name: string, value: unknown): string {
  if (typeof value !== "string") wrongType(name, "a string", value);
  const isAbstract = value.startsWith("\0");
  const isWrong = isAbstract ? value === "\0" : value.includes("\0");
  if (isWrong || /\p{Surrogate}/u.test(value)) wrongType(name, "a path", value);
  return value;
}

/** A host name or IP address, not empty. */
export function requireHostname(name: string, value: unknown): string {
  if (typeof value !== "string") wrongType(name, "a string", value);
  if (value.length === 0 || value.includes("\0")) {
    throw new TypeError(
      `The "${name}" argument must be a host name: got ${shown(value)}`,
    );
  }
  return value;
}

/** Bytes to read into or to write. */
export function requireBytes(name: string, value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) {
    wrongType(name, "a Uint8Array", value);
  }
  return value;
}

/** Several arrays of bytes to write. */
export function requireParts(
  name: string,
  value: unknown,
): asserts value is readonly Uint8Array[] {
  if (!Array.isArray(value)) {
    wrongType(name, "a Uint8Array or an array of them", value);
  }
  for (const [index, part] of value.entries()) {
    requireBytes(`${name}[${index}]`, part);
  }
}

const isBuffer = (value: unknown): value is ArrayBuffer =>
  value instanceof ArrayBuffer ||
  (typeof SharedArrayBuffer === "function" &&
    value instanceof SharedArrayBuffer);

/** The bytes of any buffer or view, as a view of them. Throws a TypeError for a
 * buffer that was transferred. */
export function bufferSource(name: string, value: unknown): Uint8Array {
  if (value instanceof Uint8Array && value.length > 0) return value;
  if (ArrayBuffer.isView(value)) {
    const { buffer, byteOffset, byteLength } = value;
    return new Uint8Array(buffer, byteOffset, byteLength);
  }
  if (!isBuffer(value)) {
    wrongType(name, "an ArrayBuffer or a view of one", value);
  }
  return new Uint8Array(value);
}

/** Throws for options that another one makes meaningless. */
export function refuseOthers(
  options: Readonly<Record<string, unknown>>,
  name: string,
  keys: readonly string[],
): void {
  for (const key of keys) {
    if (options[key] === undefined) continue;
    wrongType(key, `left out when there is a ${name}`, options[key]);
  }
}
