// Copyright the iocp authors. MIT license.
/* One name for a local socket on both systems. */

import { privateFolder } from "./private_folder.ts";
import { isWindows, runtime } from "./runtime/detect.ts";
import { TextEncoder } from "./runtime/globals.ts";
import { wrongType } from "./options/validate.ts";

/* Names that are a file name on every system, and the same for all: no folder, no
 * hidden file, and nothing that Windows drops at the end. */
const IS_NAME = /^[\w-](?:[\w.-]*[\w-])?$/;
/* The longest file name of Linux; the path has a limit of its own. */
const NAME_MAX = 255;
/* sun_path has 108 bytes, and the system wants a NUL at its end (unix(7)). */
const PATH_MAX = 107;
/* The length of a pipe's name, `\\.\pipe\` included (CreateNamedPipe()). */
const PIPE_MAX = 256;

/**
 * The path for a local socket of that name: the same program text then works on
 * Windows and on Linux.
 *
 * - On Windows it is the named pipe `\\.\pipe\NAME`. The names of pipes are those
 *   of the whole machine.
 * - On Linux it is a file in `XDG_RUNTIME_DIR`, or, where that is not set, in a
 *   folder `/tmp/iocp-UID` that only the user may enter. It is created when it does
 *   not exist.
 *
 * @param name from 1 to 255 letters, digits, `-`, `_` and `.` (of ASCII), neither
 * beginning nor ending with a dot.
 * @returns the path, for `listen({ path })` and `connect({ path })`.
 * @throws {TypeError} for another name, and {RangeError} for one that is too long
 * for a path on this system.
 * @throws {SocketError} `EACCES` when the folder may be used by others or belongs to
 * another user.
 * @throws Under Deno on Linux, `NotCapable` without the permission `env` for
 * `XDG_RUNTIME_DIR`, and where that is not set, without `sys` for `uid` and `read`
 * and `write` for the folder.
 *
 * @example
 * ```ts
 * import { localSocketPath } from "iocp";
 *
 * console.log(localSocketPath("my-app"));
 * ```
 */
export function localSocketPath(name: string): string {
  if (typeof name !== "string" || !IS_NAME.test(name)) {
    wrongType(
      "name",
      'letters, digits, "-", "_" and ".", without a dot at its ends',
      name,
    );
  }
  const path = isWindows ? `\\\\.\\pipe\\${name}` : `${userFolder()}/${name}`;
  const { length } = new TextEncoder().encode(path);
  const max = isWindows ? PIPE_MAX : PATH_MAX;
  if (name.length > NAME_MAX || length > max) {
    throw new RangeError(
      `The "name" argument must make a path of at most ${max} bytes: got ${length}, ${path}`,
    );
  }
  return path;
}

/* The specification requires a relative path to be ignored, and the folder to be
 * the user's own, with the mode 0700, which the system that sets the variable
 * ensures. https://specifications.freedesktop.org/basedir-spec/latest/ */
function userFolder(): string {
  const folder = runtime.requireEnv("XDG_RUNTIME_DIR");
  if (folder?.startsWith("/")) return folder.replace(/\/+$/, "");
  const uid = runtime.requireUid();
  return privateFolder(`/tmp/iocp-${uid}`, uid);
}
