// Copyright the iocp authors. MIT license.
/* A Worker of the soak: it echoes a connection that it is sent. */

import { adopt, type DetachedSocket } from "../../mod.ts";

/** What it is told. */
export interface Order {
  socket: DetachedSocket;
}

const scope = globalThis as unknown as {
  onmessage: (event: { data: Order }) => void;
};

scope.onmessage = async ({ data: { socket } }) => {
  const conn = adopt(socket, { allowHalfOpen: true });
  for await (const chunk of conn) await conn.write(chunk);
};
