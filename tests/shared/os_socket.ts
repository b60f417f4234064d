// Copyright the iocp authors. MIT license.
/* Sockets that the module has not made: they come from the system's functions,
 * through the runtime's FFI. */

import process from "node:process";
import { type ForeignFunction, openLibrary } from "./ffi.ts";

interface SystemSockets {
  socket(family: number, type: number, protocol: number): number;
  connect(handle: number, address: Uint8Array, length: number): number;
  close(handle: number): number;
}

const isWindows = process.platform === "win32";
const CLOSE = isWindows ? "closesocket" : "close";
const AF_UNIX = 1;
const AF_INET = 2;
const SOCK_STREAM = 1;

/* A SOCKET has the size of a pointer, but its upper half is always zero. */
const FUNCTIONS: Record<string, ForeignFunction> = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  [CLOSE]: { parameters: ["i32"], result: "i32" },
};

function open(): SystemSockets {
  const path = isWindows ? "ws2_32.dll" : "libc.so.6";
  const functions = openLibrary<Record<string, never>>(path, FUNCTIONS);
  return {
    socket: functions["socket"]!,
    connect: functions["connect"]!,
    close: functions[CLOSE]!,
  };
}

let sockets: SystemSockets | undefined;

/** A new TCP socket. */
export function makeSocket(): number {
  sockets ??= open();
  return sockets.socket(AF_INET, SOCK_STREAM, 0);
}

/** A TCP socket that is connected to a port of 127.0.0.1. */
export function connectSocket(port: number): number {
  const handle = makeSocket();
  const address = new Uint8Array(new ArrayBuffer(16));
  address.set([AF_INET, 0, port >> 8, port & 255, 127, 0, 0, 1]);
  if (sockets!.connect(handle, address, 16) !== 0) {
    throw new Error("connect() has failed");
  }
  return handle;
}

/** A unix socket of Linux that is connected to a path. */
export function connectUnixSocket(path: string): number {
  sockets ??= open();
  const handle = sockets.socket(AF_UNIX, SOCK_STREAM, 0);
  const address = new Uint8Array(new ArrayBuffer(110));
  address[0] = AF_UNIX;
  address.set(new TextEncoder().encode(path), 2);
  if (sockets.connect(handle, address, 110) !== 0) {
    throw new Error("connect() has failed");
  }
  return handle;
}

/** Closes a socket of the functions above. */
export function closeSocket(handle: number): void {
  sockets!.close(handle);
}
