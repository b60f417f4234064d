// Copyright the iocp authors. MIT license.
/* The errors of node:net: their classes, codes and messages.
 * https://nodejs.org/api/errors.html */

import { SocketError } from "../errors.ts";
import { withCode } from "../views/duplex_error.ts";
import { getSystemErrorMap, inspect } from "./node_parts.ts";

let numbers: Map<string, readonly [errno: number, text: string]> | undefined;

function systemError(code: string): readonly [errno: number, text: string] {
  numbers ??= new Map(
    [...getSystemErrorMap()].map(([number, [code, text]]) => [
      code,
      [number, text],
    ]),
  );
  return numbers.get(code) ?? [0, code];
}

/** The address of an error: where a connection goes, and where it comes from. */
export interface Where {
  readonly address?: string | undefined;
  readonly port?: number | undefined;
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
}

/** The error of a system call as a `net.Socket` or `net.Server` reports it, with the
 * {@linkcode SocketError} as its cause. Other errors are returned unchanged. */
export function netError(
  error: unknown,
  syscall: "connect" | "listen" | "bind",
  where: Where,
): Error {
  if (!(error instanceof SocketError)) return error as Error;
  /* libuv reports a path that is too long as a wrong argument. */
  const code = error.code === "ENAMETOOLONG" ? "EINVAL" : error.code;
  const [errno, text] = systemError(code);
  const { address, port, localAddress, localPort } = where;
  const words = [syscall, code];
  /* Node's message has the sentence of the code only where it listens. */
  if (syscall !== "connect") words[1] += `: ${text}`;
  if (address !== undefined) {
    words.push(port !== undefined ? `${address}:${port}` : address);
  }
  if (localPort !== undefined) {
    words.push(`- Local (${localAddress}:${localPort})`);
  }
  return Object.assign(new Error(words.join(" "), { cause: error }), {
    errno,
    code,
    syscall,
    ...address === undefined ? {} : { address },
    ...port === undefined ? {} : { port },
    ...localPort === undefined ? {} : { localAddress, localPort },
  });
}

/** The error when every address of a name has failed. */
export function allFailed(errors: readonly Error[]): Error {
  const [first] = errors;
  const { code = "EUNKNOWN" } = (first ?? {}) as { code?: string };
  return withCode(new AggregateError(errors), code);
}

/* The value as the messages of Node have it. */
function received(value: unknown): string {
  if (value === undefined || value === null) return `Received ${value}`;
  if (typeof value === "function") return `Received function ${value.name}`;
  if (typeof value === "object") {
    const name = value.constructor?.name;
    return name
      ? `Received an instance of ${name}`
      : `Received ${inspect(value, { depth: -1 })}`;
  }
  let text = inspect(value, { colors: false });
  if (text.length > 28) text = `${text.slice(0, 25)}...`;
  return `Received type ${typeof value} (${text})`;
}

function join(words: readonly string[]): string {
  return words.length < 3
    ? words.join(" or ")
    : `${words.slice(0, -1).join(", ")}, or ${words.at(-1)}`;
}

/* The names of types that the messages have in lower case; others are classes. */
const TYPES = ["string", "number", "function", "boolean", "object", "Object"];

/** `ERR_INVALID_ARG_TYPE`. */
export function wrongArgType(
  name: string,
  wanted: string | readonly string[],
  value: unknown,
): TypeError {
  const all = [wanted].flat();
  const types = all.filter((type) => TYPES.includes(type))
    .map((type) => type.toLowerCase());
  const classes = all.filter((type) => !TYPES.includes(type));
  const parts: string[] = [];
  if (types.length > 0) {
    parts.push(
      `${types.length > 1 ? "one of type" : "of type"} ${join(types)}`,
    );
  }
  if (classes.length > 0) parts.push(`an instance of ${join(classes)}`);
  const kind = name.includes(".") ? "property" : "argument";
  return withCode(
    new TypeError(
      `The "${name}" ${kind} must be ${parts.join(" or ")}. ${received(value)}`,
    ),
    "ERR_INVALID_ARG_TYPE",
  );
}

/** `ERR_INVALID_ARG_VALUE`. */
export function wrongArgValue(
  name: string,
  value: unknown,
  reason = "is invalid",
): TypeError {
  let text = inspect(value);
  if (text.length > 128) text = `${text.slice(0, 128)}...`;
  const kind = name.includes(".") ? "property" : "argument";
  return withCode(
    new TypeError(`The ${kind} '${name}' ${reason}. Received ${text}`),
    "ERR_INVALID_ARG_VALUE",
  );
}

/** `ERR_OUT_OF_RANGE`. */
export function outOfRange(
  name: string,
  range: string,
  value: unknown,
): RangeError {
  return withCode(
    new RangeError(
      `The value of "${name}" is out of range. It must be ${range}. Received ${
        inspect(value)
      }`,
    ),
    "ERR_OUT_OF_RANGE",
  );
}

/** `ERR_SOCKET_BAD_PORT`. */
export function badPort(name: string, value: unknown): RangeError {
  return withCode(
    new RangeError(
      `${name} should be >= 0 and < 65536. ${received(value)}.`,
    ),
    "ERR_SOCKET_BAD_PORT",
  );
}

/** `ERR_MISSING_ARGS`, for a connect() without a destination. */
export function noDestination(): TypeError {
  return withCode(
    new TypeError(
      'The "options" or "port" or "path" argument must be specified',
    ),
    "ERR_MISSING_ARGS",
  );
}

/** `ERR_INVALID_IP_ADDRESS`. */
export function notAnIp(value: unknown): TypeError {
  return withCode(
    new TypeError(`Invalid IP address: ${value}`),
    "ERR_INVALID_IP_ADDRESS",
  );
}

/** `ERR_INVALID_ADDRESS_FAMILY`, of what a `lookup` has found. */
export function wrongFamily(
  family: unknown,
  host: string,
  port: number,
): RangeError {
  return Object.assign(
    new RangeError(`Invalid address family: ${family} ${host}:${port}`),
    { code: "ERR_INVALID_ADDRESS_FAMILY", host, port },
  );
}

/** `ERR_IP_BLOCKED`. */
export function blocked(address: string): Error {
  return withCode(
    new Error(`IP(${address}) is blocked by net.BlockList`),
    "ERR_IP_BLOCKED",
  );
}

/** `ERR_INVALID_FD_TYPE`. */
export function wrongFd(type: string): TypeError {
  return withCode(
    new TypeError(`Unsupported fd type: ${type}`),
    "ERR_INVALID_FD_TYPE",
  );
}

/** `ERR_INVALID_HANDLE_TYPE`. */
export function wrongHandle(): TypeError {
  return withCode(
    new TypeError("This handle type cannot be sent"),
    "ERR_INVALID_HANDLE_TYPE",
  );
}

/** `ERR_SERVER_NOT_RUNNING`. */
export function notRunning(): Error {
  return withCode(
    new Error("Server is not running."),
    "ERR_SERVER_NOT_RUNNING",
  );
}

/** `ERR_SOCKET_CLOSED_BEFORE_CONNECTION`. */
export function closedBefore(): Error {
  return withCode(
    new Error("Socket closed before the connection was established"),
    "ERR_SOCKET_CLOSED_BEFORE_CONNECTION",
  );
}

/** The error of a write after the close of `_handle`. */
export function badHandle(): Error {
  const [errno] = systemError("EBADF");
  return Object.assign(new Error("write EBADF"), {
    errno,
    code: "EBADF",
    syscall: "write",
  });
}

/** The error of a connect() on a socket that is connected, or connects. */
export function alreadyConnected(isConnecting: boolean, where: Where): Error {
  const code = isConnecting ? "EALREADY" : "EISCONN";
  const error = new SocketError(code, { syscall: "connect" });
  return netError(error, "connect", where);
}
