// Copyright the iocp authors. MIT license.
/* Ends although a socket is open, because it is unref'd. */

import { bind } from "../../mod.ts";

const socket = bind({ hostname: "127.0.0.1", port: 0 });
socket.unref();
socket.receive(new Uint8Array(10)).catch(() => {});
console.log("bound");
