// Copyright the iocp authors. MIT license.
/* The options of listen() and connect() with a path: unix sockets and named
 * pipes. */

import { NotSupported } from "../errors.ts";
import {
  isAbstract,
  parsePath,
  type PathAddr,
  pipeName,
} from "../native/path.ts";
import { isWindows } from "../runtime/detect.ts";
import type { Signal } from "../runtime/web_types.ts";
import { type ConnOptions, type ConnSettings, connSettings } from "./conn.ts";
import { NO_FILTER } from "./address_filter.ts";
import { checkPathOptions, type Settings } from "./settings.ts";
import { optionalSignal } from "./signal.ts";
import type { TlsOptions, TlsServerOptions } from "./tls.ts";
import {
  optionalBoolean,
  requireInteger,
  requireOptions,
  wrongType,
} from "./validate.ts";

/** Options of every connection over a path, whether made by `connect()` or
 * accepted. */
export type PathConnOptions = Omit<
  ConnOptions,
  "noDelay" | "keepAlive" | "userTimeout" | "dscp"
>;

/** Options of {@linkcode connect} over a path. */
export interface PathConnectOptions extends PathConnOptions {
  /**
   * The path of a unix socket, or the name of a named pipe of Windows, which
   * begins with `\\.\pipe\`, `\\?\pipe\` or `//./pipe/`. A path that begins with
   * `"\0"` is an abstract name of Linux.
   */
  path: string;
  /** Cancels the attempt; its reason is thrown. */
  signal?: Signal | undefined;
  /**
   * How long the attempt may take, in milliseconds from 1 to 2,147,483,647.
   * Without it, a listener that exists and has no room for the connection is
   * asked again until it has.
   */
  timeout?: number | undefined;
  /** See {@linkcode ConnectOptions.tls}. The name of the server is `"localhost"` if
   * `serverName` is left out. */
  tls?: true | TlsOptions | undefined;
  /** What the path is, as in Deno. It follows from the path. */
  transport?: PathAddr["transport"] | undefined;
}

/** Options of {@linkcode listen} on a path; accepted connections inherit those of
 * connections. */
export interface PathListenOptions extends PathConnOptions {
  /**
   * The path of the socket file, which is created, or the name of a named pipe of
   * Windows, which begins with `\\.\pipe\`, `\\?\pipe\` or `//./pipe/`. A path
   * that begins with `"\0"` is an abstract name of Linux, which is no file.
   */
  path: string;
  /**
   * Who may connect. `"user"`: the user of this process; `"everyone"`: all users
   * of this machine. On Linux they are the modes 0o600 and 0o666. For a named
   * pipe it may also be a security descriptor in SDDL, for example
   * `"D:P(A;;GA;;;BA)"`.
   *
   * @default {"user"} for a named pipe; for a unix socket as `mode`
   */
  access?: "user" | "everyone" | (string & Record<never, never>) | undefined;
  /**
   * The permission bits of the socket file, from 0 to 0o777, which it has before
   * the first connection can be made. To connect, a user needs the permission to
   * write. Only on Linux, and not for abstract names, which every user may connect
   * to; otherwise it throws {@linkcode NotSupported}.
   *
   * @default 0o777 without the bits of the umask
   */
  mode?: number | undefined;
  /**
   * Replaces a socket file that is left from a process that has ended. One that
   * a process listens on is still `EADDRINUSE`. A named pipe or an abstract name
   * ends with its process, so nothing is left to replace.
   *
   * @default {false}
   */
  replaceStale?: boolean | undefined;
  /** See {@linkcode ListenOptions.backlog}. */
  backlog?: number | undefined;
  /** See {@linkcode ListenOptions.acceptPool}. Of a named pipe it is the number of
   * instances that wait for clients. */
  acceptPool?: number | undefined;
  /** See {@linkcode ListenOptions.firstByteTimeout}. */
  firstByteTimeout?: number | undefined;
  /** See {@linkcode ListenOptions.tls}. */
  tls?: TlsServerOptions | undefined;
  /** See {@linkcode ListenOptions.maxConnections}. */
  maxConnections?: number | undefined;
  /** See {@linkcode ListenOptions.acceptRate}. */
  acceptRate?: number | undefined;
  /** What the path is, as in Deno. It follows from the path. */
  transport?: PathAddr["transport"] | undefined;
}

/** {@linkcode PathConnectOptions}, checked. */
export interface PathConnectSettings {
  readonly addr: PathAddr;
  readonly signal: Signal | undefined;
  readonly timeout: number | undefined;
  readonly conn: ConnSettings;
}

/** {@linkcode PathListenOptions}, checked, with the defaults filled in. */
export interface PathListenSettings extends Settings<"listen"> {
  readonly addr: PathAddr;
  readonly blockList?: undefined;
  /** Undefined leaves it to the system. */
  readonly mode: number | undefined;
  readonly replaceStale: boolean;
  /** Of a pipe. */
  readonly isForEveryone: boolean;
  /** Of a pipe: a security descriptor in SDDL. */
  readonly sddl: string | undefined;
  readonly conn: ConnSettings;
}

const MODE_MAX = 0o777;
/* The modes for `access`. */
const MODES = new Map(Object.entries({ user: 0o600, everyone: 0o666 }));
/* SDDL begins with the owner, the group or one of the two lists.
 * https://learn.microsoft.com/windows/win32/secauthz/security-descriptor-string-format */
const IS_SDDL = /^[OGDS]:/;
/* Windows resolves "." and "..", and drops dots and spaces at the end of a segment:
 * such a name could be that of another pipe, or of no pipe at all.
 * https://learn.microsoft.com/dotnet/standard/io/file-path-formats#path-normalization */
const IS_RESOLVED = /(^|\\)([^\\]*[. ])?(\\|$)/;

/** Whether the options are those of a local socket. */
export function isForPath<P extends PathConnectOptions | PathListenOptions>(
  options: unknown,
): options is P {
  requireOptions(options);
  const { path, transport } = options as { path: unknown; transport: unknown };
  return path !== undefined || transport === "unix" || transport === "pipe";
}

/* The address that a path is. Whether the system has such addresses is for the
 * system to say, except for abstract names, which Windows does not refuse. */
function requireAddr(path: unknown): PathAddr {
  if (typeof path !== "string") wrongType("path", "a string", path);
  const rest = path.startsWith("\0") ? path.slice(1) : path;
  if (rest === "" || rest === path && path.includes("\0")) {
    wrongType("path", "a path, not empty and without NUL inside", path);
  }
  if (/\p{Surrogate}/u.test(path)) {
    wrongType("path", "text without lone surrogates", path);
  }
  const addr = parsePath(path);
  if (addr.transport === "pipe" && IS_RESOLVED.test(pipeName(addr))) {
    wrongType(
      "path",
      "the name of a pipe, without segments that are empty or end with a dot or a space",
      path,
    );
  }
  if (isAbstract(addr) && isWindows) {
    throw new NotSupported("Cannot use an abstract name: only Linux has them");
  }
  return addr;
}

/* The address of the options, which must not have that of another transport. */
function requirePath(
  options: PathConnectOptions | PathListenOptions,
): PathAddr {
  const addr = requireAddr(options.path);
  const { transport } = options;
  if (transport !== undefined && transport !== addr.transport) {
    const wanted = `"${addr.transport}" or left out, because of the path`;
    wrongType("transport", wanted, transport);
  }
  const others = options as unknown as Readonly<Record<string, unknown>>;
  for (const name of ["port", "hostname", "localAddress"]) {
    if (others[name] === undefined) continue;
    wrongType(name, "left out when there is a path", others[name]);
  }
  return addr;
}

/** Checks what a user passed to connect() with a path. */
export function pathConnectSettings(
  options: PathConnectOptions,
): PathConnectSettings {
  const addr = requirePath(options);
  const { timeout } = checkPathOptions("connect", options);
  return {
    addr,
    signal: optionalSignal(options.signal),
    timeout,
    conn: connSettings(options, addr.transport),
  };
}

/** Checks what a user passed to listen() with a path. */
export function pathListenSettings(
  options: PathListenOptions,
): PathListenSettings {
  const addr = requirePath(options);
  if ((options as { blockList?: unknown }).blockList !== undefined) {
    throw new NotSupported(NO_FILTER);
  }
  return {
    ...checkPathOptions("listen", options),
    addr,
    ...accessSettings(options, addr),
    replaceStale: optionalBoolean("replaceStale", options.replaceStale, false),
    conn: connSettings(options, addr.transport),
  };
}

type AccessSettings = Pick<
  PathListenSettings,
  "mode" | "isForEveryone" | "sddl"
>;

function accessSettings(
  options: PathListenOptions,
  addr: PathAddr,
): AccessSettings {
  const { access } = options;
  if (access !== undefined) requireAccess(access);
  const mode = options.mode === undefined
    ? undefined
    : requireInteger("mode", options.mode, 0, MODE_MAX);
  return addr.transport === "pipe"
    ? pipeAccess(access, mode)
    : fileAccess(access, mode, addr);
}

function pipeAccess(
  access: string | undefined,
  mode: number | undefined,
): AccessSettings {
  if (mode !== undefined) {
    refuse("mode", "a named pipe has no permission bits; use access");
  }
  const isSddl = access !== undefined && !MODES.has(access);
  return {
    mode,
    isForEveryone: access === "everyone",
    sddl: isSddl ? access : undefined,
  };
}

function fileAccess(
  access: string | undefined,
  mode: number | undefined,
  addr: PathAddr,
): AccessSettings {
  const none = { isForEveryone: false, sddl: undefined };
  if (access === undefined) {
    if (mode !== undefined) requireFile(addr, "mode");
    return { mode, ...none };
  }
  if (mode !== undefined) {
    wrongType("mode", "left out when there is an access", mode);
  }
  const bits = MODES.get(access);
  if (bits === undefined) {
    refuse("access", "only a named pipe has a security descriptor");
  }
  requireFile(addr, "access");
  return { mode: bits, ...none };
}

function requireAccess(access: unknown): void {
  const isAccess = typeof access === "string" &&
    (MODES.has(access) || IS_SDDL.test(access)) && !access.includes("\0");
  if (isAccess) return;
  wrongType("access", '"user", "everyone" or a text in SDDL', access);
}

/* Permission bits are those of a file on Linux. */
function requireFile(addr: PathAddr, name: string): void {
  if (isAbstract(addr)) {
    refuse(name, "every user may connect to an abstract name");
  }
  if (isWindows) {
    refuse(
      name,
      "on Windows the folder of a socket file decides who may connect",
    );
  }
}

function refuse(name: string, reason: string): never {
  throw new NotSupported(`Cannot set ${name}: ${reason}`);
}
