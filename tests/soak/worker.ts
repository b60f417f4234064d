// Copyright the iocp authors. MIT license.
/* A Worker of the soak, which echoes on the connection in its message. */

import { adopt, type DetachedSocket } from "../../mod.ts";

/** The message to the Worker. */
export interface Message {
  socket: DetachedSocket;
}

const scope = globalThis as unknown as {
  onmessage: (event: { data: Message }) => void;
};

scope.onmessage = async ({ data: { socket } }) => {
  const conn = adopt(socket, { allowHalfOpen: true });
  for await (const chunk of conn) await conn.write(chunk);
};
