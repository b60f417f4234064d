// Copyright the iocp authors. MIT license.

// That a program which was checked for Deno's own calls checks for these: it is
// only checked, by Deno, and never run.

import { connect, listen, NotSupported, SocketError } from "../../mod.ts";

export const listenAsDeno: (
  options: Deno.TcpListenOptions & { transport?: "tcp" },
) => Deno.TcpListener = listen;

export const connectAsDeno: (
  options: Deno.ConnectOptions,
) => Promise<Deno.TcpConn> = connect;

export const errors: readonly Error[] = [
  new SocketError("ECONNREFUSED", { syscall: "connect" }),
  new NotSupported("why"),
];
