// Copyright the iocp authors. MIT license.
/* Sockets that the module has not made: they come from the system's functions,
 * through the runtime's FFI. */

import process from "node:process";
import { type ForeignFunction, openLibrary } from "./ffi.ts";

interface SystemSockets {
  socket(family: number, type: number, protocol: number): number;
  connect(handle: number, address: Uint8Array, length: number): number;
  bind(handle: number, address: Uint8Array, length: number): number;
  listen(handle: number, backlog: number): number;
  getsockname(handle: number, address: Uint8Array, length: Int32Array): number;
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
  bind: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  [CLOSE]: { parameters: ["i32"], result: "i32" },
};

function open(): SystemSockets {
  const path = isWindows ? "ws2_32.dll" : "libc.so.6";
  const functions = openLibrary<Record<string, never>>(path, FUNCTIONS);
  return {
    socket: functions["socket"]!,
    connect: functions["connect"]!,
    bind: functions["bind"]!,
    listen: functions["listen"]!,
    getsockname: functions["getsockname"]!,
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

/** A socket that listens on a port of 127.0.0.1, which the system chooses. */
export function listenSocket(backlog = 128): { handle: number; port: number } {
  const handle = makeSocket();
  const address = new Uint8Array(new ArrayBuffer(16));
  address.set([AF_INET, 0, 0, 0, 127, 0, 0, 1]);
  const length = new Int32Array([16]);
  if (
    sockets!.bind(handle, address, 16) !== 0 ||
    sockets!.listen(handle, backlog) !== 0 ||
    sockets!.getsockname(handle, address, length) !== 0
  ) throw new Error("listen() has failed");
  return { handle, port: address[2]! * 256 + address[3]! };
}

function unixAddress(path: string): Uint8Array<ArrayBuffer> {
  const address = new Uint8Array(new ArrayBuffer(110));
  address[0] = AF_UNIX;
  address.set(new TextEncoder().encode(path), 2);
  return address;
}

/** A unix socket of Linux that listens on a path. */
export function listenUnixSocket(path: string): number {
  sockets ??= open();
  const handle = sockets.socket(AF_UNIX, SOCK_STREAM, 0);
  if (
    sockets.bind(handle, unixAddress(path), 110) !== 0 ||
    sockets.listen(handle, 128) !== 0
  ) throw new Error("listen() has failed");
  return handle;
}

/** A unix socket of Linux that is connected to a path. */
export function connectUnixSocket(path: string): number {
  sockets ??= open();
  const handle = sockets.socket(AF_UNIX, SOCK_STREAM, 0);
  const address = unixAddress(path);
  if (sockets.connect(handle, address, 110) !== 0) {
    throw new Error("connect() has failed");
  }
  return handle;
}

/** Closes a socket of the functions above. */
export function closeSocket(handle: number): void {
  sockets!.close(handle);
}
