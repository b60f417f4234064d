// Copyright the iocp authors. MIT license.
/* The timeout of an idle connection. It costs nothing for a message: the library
 * counts the bytes anyway, and they are compared a few times in that time. */

import { Inactivity } from "./inactivity.ts";
import type { Socket } from "./socket.ts";

const CHECKS = 4;

/* Few connections have one, so they have no field for it. */
const inactivities = new WeakMap<Socket, Inactivity>();

/** Ends the connection after `ms` milliseconds without a byte in either direction;
 * 0 turns that off. */
export function setIdleTimeout(socket: Socket, ms: number): void {
  const { loop } = socket;
  const before = inactivities.get(socket);
  before?.stop();
  if (ms === 0) return;
  const inactivity = new Inactivity({
    loop,
    ms,
    checks: CHECKS,
    progress: () => bytesMoved(socket),
    onTimeout: () =>
      socket.end({
        code: "ETIMEDOUT",
        timeout: "setTimeout",
        detail: `no byte was sent or received for ${ms} milliseconds`,
      }),
  });
  inactivities.set(socket, inactivity);
  if (before === undefined) {
    socket.onReleased(() => inactivities.get(socket)?.stop());
  }
}

function bytesMoved({ loop, id }: Socket): number {
  try {
    const { bytesReceived, bytesSent } = loop.port.socketStats(id);
    return bytesReceived + bytesSent;
  } catch {
    /* The library has closed it, which a completion reports. */
    return 0;
  }
}
