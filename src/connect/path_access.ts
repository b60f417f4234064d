// Copyright the iocp authors. MIT license.
/* Paths on their way to the system: the permissions that are requested first, and
 * the errors of a system that lacks such addresses. */

import { NotSupported, SocketError } from "../errors.ts";
import {
  encodePath,
  isAbstract,
  type PathAddr,
  shownPath,
} from "../native/path.ts";
import { isWindows, runtime } from "../runtime/detect.ts";

/* Why a system has no such addresses. */
const REASONS: Readonly<Record<PathAddr["transport"], string>> = {
  pipe: "named pipes are a feature of Windows",
  unix: isWindows
    ? "this Windows has no AF_UNIX; Windows 10 has it from version 1803 on, and Wine 10 has not"
    : "this system has no AF_UNIX",
};

/**
 * The address to use, once the user permits it.
 *
 * @throws the runtime's own error when the user refuses the permission.
 */
export function permittedPath(addr: PathAddr): PathAddr {
  if (isAbstract(addr)) {
    runtime.requireAnyPath(addr.path);
    return addr;
  }
  return { ...addr, path: runtime.requirePath(addr.path) };
}

/** The address as a struct iocp_path. */
export function structOf(addr: PathAddr, syscall: string): Uint8Array {
  const bytes = encodePath(addr);
  if (bytes !== undefined) return bytes;
  throw new SocketError("ENAMETOOLONG", { syscall, address: addr.path });
}

/** The error of a call with the address. */
export function pathError(
  { transport, path }: PathAddr,
  error: SocketError,
): SocketError | NotSupported {
  if (error.code !== "ENOTSUP") return error;
  const action = error.syscall === "listen" ? "listen on" : "connect to";
  return new NotSupported(
    `Cannot ${action} ${shownPath(path)}: ${REASONS[transport]}`,
    { cause: error },
  );
}
