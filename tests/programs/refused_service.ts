// Copyright the iocp authors. MIT license.
/* A service that is given sockets which it cannot take: prints the error, and goes on
 * without them until it is killed. */

import { inheritedListeners, type SocketError } from "../../mod.ts";

try {
  console.log("inherited", inheritedListeners().length);
} catch (error) {
  const { code, message } = error as SocketError;
  console.log("refused", JSON.stringify({ code, message }));
}
setInterval(() => {}, 60_000);
