// Copyright the iocp authors. MIT license.
/* Options of a connection as a net.Socket sets them: what the system refuses, for
 * example because the peer is gone, is no error. The next read or write fails. */

import { SECONDS_MAX } from "../options/keep_alive.ts";
import type { Socket } from "../socket/socket.ts";
import { changeOptions } from "../socket/socket_options.ts";

/** Sends small writes at once, or together. */
export function setNoDelay(socket: Socket, noDelay: boolean): void {
  attempt(() => changeOptions(socket, { noDelay }));
}

/** The delay is in milliseconds; 0 leaves the option unchanged. */
export function setKeepAlive(
  socket: Socket,
  enable: boolean,
  initialDelay: number,
): void {
  const idle = Math.min(Math.ceil(initialDelay / 1000), SECONDS_MAX);
  const times = idle >= 1 ? { idle } : {};
  attempt(() => changeOptions(socket, { keepAlive: enable ? times : false }));
}

/** The code point of the packets. A local socket sends none. */
export function setDscp(socket: Socket, dscp: number): void {
  attempt(() => changeOptions(socket, { dscp }));
}

function attempt(setOption: () => void): void {
  try {
    setOption();
  } catch {
    /* See above. */
  }
}
