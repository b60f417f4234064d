// Copyright the iocp authors. MIT license.
/* The socket of a listener on a path. */

import { EVERYONE, MODE_DEFAULT, REPLACE_STALE } from "../native/completion.ts";
import { pathError, permittedPath, structOf } from "../connect/path_access.ts";
import type { Loop } from "../loop/loop.ts";
import type { PathListenSettings } from "../options/path.ts";
import { isWindows, runtime } from "../runtime/detect.ts";
import { TextEncoder } from "../runtime/globals.ts";

/** Opens the socket of a listener on a path. Returns its id. */
export function listenPath(loop: Loop, settings: PathListenSettings): number {
  const { addr, backlog, mode, replaceStale, isForEveryone, sddl } = settings;
  const permitted = permittedPath(addr);
  /* On Windows the library keeps a file open beside that of the socket. */
  if (isWindows && addr.transport === "unix") {
    runtime.requireFile(`${permitted.path}.lock`);
  }
  /* A pipe ends with its process, so none is ever stale. */
  const replaces = replaceStale && addr.transport === "unix";
  const flags = (replaces ? REPLACE_STALE : 0) |
    (isForEveryone ? EVERYONE : 0);
  const access = sddl === undefined ? null : new TextEncoder().encode(sddl);
  const path = structOf(permitted, "listen");
  const result = loop.port.listenPath(
    path,
    backlog,
    flags,
    mode ?? MODE_DEFAULT,
    access,
  );
  if (result >= 0) return result;
  const context = { syscall: "listen", address: addr.path };
  throw pathError(addr, loop.port.error(result, context));
}
