// Copyright the iocp authors. MIT license.
/**
 * The errors of the module.
 *
 * @module
 */

import { shownPath } from "./native/path.ts";
import type { ErrorClasses } from "./runtime/types.ts";

/* Code, number and sentence as in ffi/include/iocp_error.h; a test compares
 * them. */
const CODES:
  readonly (readonly [code: string, number: number, text: string])[] = [
    ["EPERM", 1, "operation not permitted"],
    ["ENOENT", 2, "no such file or folder"],
    ["EIO", 5, "the disk cannot be read"],
    ["EBADF", 9, "the port or socket is closed"],
    ["ENOMEM", 12, "out of memory"],
    ["EACCES", 13, "permission denied"],
    ["EFAULT", 14, "bad address"],
    ["EBUSY", 16, "an operation of this kind is already pending"],
    ["EEXIST", 17, "the socket is on a port already"],
    ["EXDEV", 18, "the port belongs to another thread"],
    ["ENOTDIR", 20, "not a folder"],
    ["EISDIR", 21, "a folder"],
    ["EINVAL", 22, "invalid argument"],
    ["ENFILE", 23, "too many open files in the system"],
    ["EMFILE", 24, "too many open files"],
    ["ENOSPC", 28, "no space left on the device"],
    ["ESPIPE", 29, "not a regular file"],
    ["EROFS", 30, "the file system is read-only"],
    ["EPIPE", 32, "the sending direction is closed"],
    ["ENAMETOOLONG", 36, "the name is too long"],
    ["ELOOP", 40, "too many symbolic links"],
    ["ENODATA", 61, "the file has become shorter"],
    ["ENOTSOCK", 88, "not a socket"],
    ["EDESTADDRREQ", 89, "a destination address is required"],
    ["EMSGSIZE", 90, "message too long"],
    ["EPROTOTYPE", 91, "a socket of another type"],
    ["ENOPROTOOPT", 92, "option not supported"],
    ["ENOTSUP", 95, "operation not supported on this system"],
    ["EAFNOSUPPORT", 97, "address family not supported"],
    ["EADDRINUSE", 98, "address already in use"],
    ["EADDRNOTAVAIL", 99, "address not available"],
    ["ENETDOWN", 100, "network is down"],
    ["ENETUNREACH", 101, "network is unreachable"],
    ["ENETRESET", 102, "connection dropped by the network"],
    ["ECONNABORTED", 103, "connection aborted"],
    ["ECONNRESET", 104, "connection reset by peer"],
    ["ENOBUFS", 105, "no buffer space available"],
    ["EISCONN", 106, "already connected"],
    ["ENOTCONN", 107, "not connected"],
    ["ESHUTDOWN", 108, "the receiving direction has ended"],
    ["ETIMEDOUT", 110, "timed out"],
    ["ECONNREFUSED", 111, "connection refused"],
    ["EHOSTUNREACH", 113, "host is unreachable"],
    ["ECANCELED", 125, "operation canceled"],
    ["ENOTFOUND", 200, "host name not found"],
    ["EUNKNOWN", 201, "unknown error"],
    ["EAI_AGAIN", 202, "the host name cannot be looked up now"],
    ["EAI_FAIL", 203, "the look-up of the host name has failed"],
  ];

const BY_NUMBER = new Map(
  CODES.map(([code, number, text]) => [number, { code, text }]),
);
const BY_CODE = new Map(
  CODES.map(([code, number, text]) => [code, { number, text }]),
);

/* The `name` of an error by its code: the class that a runtime has for such a
 * failure. For the other codes no runtime has a class. */
const NAMES = new Map(Object.entries({
  EPERM: "PermissionDenied",
  ENOENT: "NotFound",
  EINTR: "Interrupted",
  EBADF: "BadResource",
  EACCES: "PermissionDenied",
  EBUSY: "Busy",
  EEXIST: "AlreadyExists",
  ENOTDIR: "NotADirectory",
  EISDIR: "IsADirectory",
  EPIPE: "BrokenPipe",
  ELOOP: "FilesystemLoop",
  ENOTSUP: "NotSupported",
  EADDRINUSE: "AddrInUse",
  EADDRNOTAVAIL: "AddrNotAvailable",
  ENETUNREACH: "NetworkUnreachable",
  ECONNABORTED: "ConnectionAborted",
  ECONNRESET: "ConnectionReset",
  ENOTCONN: "NotConnected",
  ETIMEDOUT: "TimedOut",
  ECONNREFUSED: "ConnectionRefused",
  ECANCELED: "Interrupted",
  EILSEQ: "InvalidData",
  EBADMSG: "InvalidData",
  EUNEXPECTEDEND: "UnexpectedEof",
}));

let findClass: ErrorClasses = () => undefined;

/** Sets the error classes of the runtime. They are passed in, because the module
 * that detects the runtime imports this one. */
export function useErrorClasses(find: ErrorClasses): void {
  findClass = find;
}

/* The prototypes that were made, by name. */
const prototypes = new Map<string, object>();

/* Makes an error an instance of the runtime's class of that name as well. Its own
 * class keeps its members and stays its constructor. A class has only one parent,
 * so the prototype is a copy of `own` with another parent, and Symbol.hasInstance
 * keeps instanceof right. Errors of a user's subclass stay as they are. */
function adopt(error: Error, own: object, name: string): void {
  if (Object.getPrototypeOf(error) !== own) return;
  const parent = findClass(name)?.prototype;
  if (parent === undefined) return;
  const key = `${own.constructor.name} ${name}`;
  let prototype = prototypes.get(key);
  if (prototype === undefined) {
    const members = Object.getOwnPropertyDescriptors(own);
    prototype = Object.create(parent, members) as object;
    prototypes.set(key, prototype);
  }
  Object.setPrototypeOf(error, prototype);
}

/* The result of instanceof for a class without Symbol.hasInstance. */
function isOrdinaryInstance(Class: unknown, value: unknown): boolean {
  return Function.prototype[Symbol.hasInstance].call(Class as object, value);
}

/* For the message: what each system call does, and the preposition between that
 * and the address. */
const ACTIONS = new Map<string, readonly [action: string, link: string]>(
  Object.entries({
    accept: ["accept", "on"],
    bind: ["bind", "to"],
    close: ["close the connection", "to"],
    connect: ["connect", "to"],
    getaddrinfo: ["resolve the host name", ""],
    getpeername: ["get the remote address", "of"],
    getsockname: ["get the local address", "of"],
    getsockopt: ["get an option", "of"],
    handshake: ["make the TLS handshake", "with"],
    ioctl: ["read the counters", "of"],
    listen: ["listen", "on"],
    lstat: ["use the folder", ""],
    read: ["read", "from"],
    recvfrom: ["receive", "on"],
    sendto: ["send", "to"],
    setsockopt: ["set an option", "of"],
    shutdown: ["close the sending direction", "of"],
    write: ["write", "to"],
  }),
);

/* "Cannot <action> <address>". */
function describe({ syscall, action, address, port }: SocketErrorOptions) {
  const [usual, link] = ACTIONS.get(syscall) ?? [syscall, "of"];
  const words = ["Cannot", action ?? usual];
  if (address !== undefined) words.push(link, formatHost(address, port));
  return words.filter((word) => word !== "").join(" ");
}

/** The properties of a {@linkcode SocketError} besides its code. */
export interface SocketErrorOptions {
  /** The system call that failed: `"connect"`. */
  syscall: string;
  /**
   * What the call was for, as the message says it.
   *
   * @default the usual purpose of `syscall`
   */
  action?: string | undefined;
  /** The host or path of the call, where it has one. */
  address?: string | undefined;
  /** The port number that goes with `address`. */
  port?: number | undefined;
  /** The system's own number: an errno, a Winsock error or an NTSTATUS. */
  errno?: number | undefined;
  /** Of a write that has timed out or was aborted, the bytes that were accepted
   * before. */
  bytesWritten?: number | undefined;
  /** The state, as the message says it; by default the sentence of the code. */
  detail?: string | undefined;
  /** What caused it. */
  cause?: unknown;
}

/**
 * A failure of a socket, a listener or a port.
 *
 * In Deno it is also an instance of the class of `Deno.errors` that Deno's own
 * call would throw, which has the name `name`. So code that checks for
 * `Deno.errors.ConnectionRefused` and the like still works.
 *
 * @example Handling a refused connection
 * ```ts
 * import { connect, SocketError } from "iocp";
 *
 * try {
 *   await connect({ hostname: "127.0.0.1", port: 1 });
 * } catch (error) {
 *   if (!(error instanceof SocketError)) throw error;
 *   console.log(error.code, error.syscall, error.address);
 * }
 * ```
 */
export class SocketError extends Error {
  /**
   * The kind of failure, the same for the same `code` in every runtime: `"ConnectionRefused"`, `"ConnectionReset"`,
   * `"ConnectionAborted"`, `"NotConnected"`, `"BrokenPipe"`, `"AddrInUse"`,
   * `"AddrNotAvailable"`, `"NetworkUnreachable"`, `"PermissionDenied"`,
   * `"NotFound"`, `"NotADirectory"`, `"IsADirectory"`, `"FilesystemLoop"`,
   * `"TimedOut"`, `"BadResource"` (the object is closed) or `"Interrupted"` (it
   * was closed during the call). For framing it is `"UnexpectedEof"` or
   * `"InvalidData"`. For all other codes it is `"SocketError"`.
   */
  override readonly name: string;
  /** The code, the same on every system: `"ECONNRESET"`. */
  readonly code: string;
  /**
   * The system call that failed: `"connect"`. Where the call could not be made,
   * since the connection is closed for example, it is the call that would have
   * been made.
   */
  readonly syscall: string;
  /** The host or path of the call, where it has one. */
  readonly address: string | undefined;
  /** The port number that goes with `address`. */
  readonly port: number | undefined;
  /** The system's own number, or 0 when the failure is the module's. */
  readonly errno: number;
  /**
   * Of a write or a `sendFile()` that has timed out or was aborted: the number of
   * bytes that were accepted before, which are still sent.
   */
  readonly bytesWritten: number | undefined;
  /** Of a `sendMany()` that failed, and of a `send()` that has timed out or was
   * aborted: the number of datagrams that were sent. */
  readonly datagramsSent: number | undefined;
  #isSocketError = true;

  /** Makes an error of that code. */
  constructor(code: string, options: SocketErrorOptions) {
    const { syscall, address, port, errno = 0, detail, cause } = options;
    const text = detail ?? BY_CODE.get(code)?.text ?? code;
    super(
      `${describe(options)}: ${text}`,
      cause === undefined ? undefined : { cause },
    );
    this.code = code;
    this.syscall = syscall;
    this.address = address;
    this.port = port;
    this.errno = errno;
    this.bytesWritten = options.bytesWritten;
    this.datagramsSent = undefined;
    this.name = NAMES.get(code) ?? "SocketError";
    adopt(this, SocketError.prototype, this.name);
  }

  /** Makes `instanceof SocketError` true for every one of them, although in Deno
   * most have the prototype of Deno's class. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (this !== SocketError) return isOrdinaryInstance(this, value);
    return typeof value === "object" && value !== null &&
      #isSocketError in value;
  }
}

/**
 * Thrown when this system or runtime cannot do something; the message says why.
 * In Deno it is also an instance of `Deno.errors.NotSupported`.
 */
export class NotSupported extends Error {
  /** Always `"NotSupported"`. */
  override readonly name = "NotSupported";
  #isNotSupported = true;

  /** Makes an error that says why. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    adopt(this, NotSupported.prototype, this.name);
  }

  /** Makes `instanceof NotSupported` true for every one of them. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (this !== NotSupported) return isOrdinaryInstance(this, value);
    return typeof value === "object" && value !== null &&
      #isNotSupported in value;
  }
}

/** The native library cannot be loaded; the message says what to do. */
export class LibraryError extends Error {
  /** Always `"LibraryError"`. */
  override readonly name = "LibraryError";
}

/** "host:port", with brackets where they are needed. Without a port it may be a
 * path. */
export function formatHost(hostname: string, port?: number): string {
  if (port === undefined) return shownPath(hostname);
  return hostname.includes(":")
    ? `[${hostname}]:${port}`
    : `${hostname}:${port}`;
}

/** The error for a negative result of the library. */
export function errorOf(
  result: number,
  options: SocketErrorOptions,
): SocketError {
  return new SocketError(BY_NUMBER.get(-result)?.code ?? "EUNKNOWN", options);
}

/** The error of a call whose timeout has passed. */
export function timedOut(
  syscall: string,
  where: { address?: string; port?: number | undefined },
  bytesWritten?: number,
): SocketError {
  return new SocketError("ETIMEDOUT", { syscall, ...where, bytesWritten });
}

/** The error of a call that is ended by its signal, where that has to say how much
 * it has done: the reason of the signal cannot, since other calls have it too. */
export function canceled(
  syscall: string,
  where: { address?: string; port?: number | undefined },
  cause: unknown,
  bytesWritten?: number,
): SocketError {
  const options = { syscall, ...where, cause, bytesWritten };
  return new SocketError("ECANCELED", options);
}

/** True for one of the codes. */
export function isCode(code: string): boolean {
  return BY_CODE.has(code);
}

/** The negated number of a code. */
export function numberOf(code: string): number {
  return -BY_CODE.get(code)!.number;
}
