// Copyright the iocp authors. MIT license.
/* The options of datagram sockets on the way to the library and back. */

import type { BoundSocket } from "./bound_socket.ts";
import {
  checkChanges,
  checkOption,
  refuseTcpOptions,
} from "../options/settings.ts";
import type { DatagramAddr } from "./address.ts";
import type {
  DatagramOptions,
  DatagramOptionsInForce,
  DatagramSettings,
} from "../options/datagram.ts";
import { KEYS } from "../options/table.ts";
import type { NativePort } from "../native/port.ts";
import {
  notSupported,
  numbersOf,
  readOptions,
} from "../options/native_options.ts";

/** Sets the options of a new socket. */
export function applyDatagramOptions(
  port: NativePort,
  id: number,
  settings: DatagramSettings,
): void {
  for (const key of KEYS.datagram) {
    /* A new socket has the defaults. */
    const setting = settings[key];
    if (setting !== undefined && setting !== checkOption(key, undefined)) {
      setOption(port, id, key, setting);
    }
  }
}

/** Changes options, one after the other. */
export function changeDatagramOptions(
  socket: BoundSocket<DatagramAddr>,
  options: DatagramOptions,
): void {
  const changes = checkChanges("datagram", options);
  if (socket.isUnix) refuseTcpOptions("datagram", options);
  if (socket.isClosed) throw socket.closedError("setsockopt");
  for (const [key, setting] of Object.entries(changes)) {
    setOption(socket.loop.port, socket.id, key, setting);
    socket.settings = { ...socket.settings, [key]: setting };
  }
}

/** The options in force. */
export function datagramOptionsInForce(
  socket: BoundSocket<DatagramAddr>,
): DatagramOptionsInForce {
  if (socket.isClosed) throw socket.closedError("getsockopt");
  const { id, loop: { port }, settings } = socket;
  return readOptions("datagram", settings, socket.isUnix, (native) => {
    const value = port.getOption(id, native);
    return value < 0 ? undefined : value;
  });
}

function setOption(
  port: NativePort,
  id: number,
  key: string,
  setting: unknown,
): void {
  for (const [native, value] of numbersOf(key, setting)) {
    const result = port.setOption(id, native, value);
    if (result >= 0) continue;
    const error = port.error(result, { syscall: "setsockopt" });
    throw error.code === "ENOTSUP" ? notSupported(key, error) : error;
  }
}
