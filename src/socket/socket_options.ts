// Copyright the iocp authors. MIT license.
/* The options of an open connection. */

import {
  type ConnOptions,
  type ConnOptionsInForce,
  type ConnSettings,
  optionalListener,
} from "../options/conn.ts";
import {
  ENOTSUP,
  notSupported,
  numbersOf,
  readOptions,
} from "../options/native_options.ts";
import { checkChanges, refuseTcpOptions } from "../options/settings.ts";
import type { Socket } from "./socket.ts";
import type { WatchedConn } from "../watching/events.ts";
import { watched } from "../watching/monitor.ts";

/** The options in force, read from the system, the library or the module. */
export function optionsInForce(socket: Socket): ConnOptionsInForce {
  if (socket.isClosed) throw socket.closedError("getsockopt");
  const { id, loop: { port }, settings } = socket;
  const isLocal = settings.transport !== undefined;
  return readOptions("conn", settings, isLocal, (native) => {
    const value = port.getOption(id, native);
    return value < 0 ? undefined : value;
  });
}

/** Checks what a user wants to change, and changes these options, one after the
 * other. `conn` is the connection that events are to have. */
export function changeOptions(
  socket: Socket,
  options: ConnOptions,
  conn?: WatchedConn,
): void {
  if (socket.settings.transport !== undefined) {
    refuseTcpOptions("conn", options);
  }
  const changes: Partial<ConnSettings> = checkChanges("conn", options);
  const onEvent = optionalListener(options.onEvent);
  if (socket.isClosed) throw socket.closedError("setsockopt");
  const { id, loop: { port } } = socket;
  for (const [key, setting] of Object.entries(changes)) {
    for (const [native, value] of numbersOf(key, setting)) {
      const result = port.setOption(id, native, value);
      if (result >= 0) continue;
      /* That the system lacks an option is no failure of the connection. */
      throw result === ENOTSUP
        ? notSupported(key, port.error(result, { syscall: "setsockopt" }))
        : socket.failure(result, "setsockopt");
    }
    socket.settings = { ...socket.settings, [key]: setting };
  }
  if (onEvent !== undefined) {
    socket.settings = { ...socket.settings, onEvent };
    if (socket.monitor === undefined) watched(socket, undefined, conn);
  }
  if (changes.receive !== undefined) socket.receive.settingsChanged();
}
