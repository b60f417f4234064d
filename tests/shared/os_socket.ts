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
  getsockopt(
    handle: number,
    level: number,
    name: number,
    value: Uint8Array,
    length: Int32Array,
  ): number;
  close(handle: number): number;
}

interface Kernel {
  CreateSemaphoreW(
    security: bigint,
    initial: number,
    maximum: number,
    name: bigint,
  ): number;
  CloseHandle(handle: number): number;
}

interface Libc {
  eventfd(initial: number, flags: number): number;
}

const isWindows = process.platform === "win32";
const CLOSE = isWindows ? "closesocket" : "close";
const AF_UNIX = 1;
const AF_INET = 2;
const AF_VSOCK = 40;
const SOCK_STREAM = 1;
const IPPROTO_TCP = 6;
const TCP_INFO = 11;
/* The place of tcpi_data_segs_in in a struct tcp_info. */
const DATA_SEGMENTS_IN = 152;
/** The number of SOCK_DGRAM on both systems. */
export const SOCK_DGRAM = 2;
/** That of SOCK_SEQPACKET, whose sockets listen and are no streams. */
export const SOCK_SEQPACKET = 5;

/* A SOCKET has the size of a pointer, but its upper half is always zero. */
const FUNCTIONS: Record<string, ForeignFunction> = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getsockopt: {
    parameters: ["i32", "i32", "i32", "buffer", "buffer"],
    result: "i32",
  },
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
    getsockopt: functions["getsockopt"]!,
    close: functions[CLOSE]!,
  };
}

let sockets: SystemSockets | undefined;

/** A new socket of IPv4, by default one of TCP. */
export function makeSocket(type = SOCK_STREAM): number {
  sockets ??= open();
  return sockets.socket(AF_INET, type, 0);
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
export function listenUnixSocket(path: string, type = SOCK_STREAM): number {
  sockets ??= open();
  const handle = sockets.socket(AF_UNIX, type, 0);
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

/** How many segments with data a TCP socket of Linux has received. */
export function segmentsReceived(handle: number): number {
  const info = new Uint8Array(new ArrayBuffer(256));
  const length = new Int32Array([info.length]);
  const { getsockopt } = sockets!;
  if (getsockopt(handle, IPPROTO_TCP, TCP_INFO, info, length) !== 0) {
    throw new Error("getsockopt() has failed");
  }
  return new DataView(info.buffer).getUint32(DATA_SEGMENTS_IN, true);
}

/** Closes a socket of the functions above. */
export function closeSocket(handle: number): void {
  sockets ??= open();
  sockets.close(handle);
}

/* Opened once, since that takes handles as well. */
let others: { open(): number; close(handle: number): void } | undefined;

function openOthers(): NonNullable<typeof others> {
  if (isWindows) {
    const { CreateSemaphoreW, CloseHandle } = openLibrary<Kernel>(
      "kernel32.dll",
      {
        CreateSemaphoreW: {
          parameters: ["usize", "i32", "i32", "usize"],
          result: "i32",
        },
        CloseHandle: { parameters: ["i32"], result: "i32" },
      },
    );
    return { open: () => CreateSemaphoreW(0n, 0, 1, 0n), close: CloseHandle };
  }
  const { eventfd } = openLibrary<Libc>("libc.so.6", {
    eventfd: { parameters: ["i32", "i32"], result: "i32" },
  });
  return { open: () => eventfd(0, 0), close: closeSocket };
}

/** A handle that is no socket, and what closes it. */
export function openOther(): { handle: number; close(): void } {
  others ??= openOthers();
  const { open, close } = others;
  const handle = open();
  return { handle, close: () => close(handle) };
}

/** A socket that listens, of a family whose addresses are neither those of IP nor
 * paths; undefined where the system has none. */
export function listenOtherFamily(): number | undefined {
  if (isWindows) return undefined;
  sockets ??= open();
  const handle = sockets.socket(AF_VSOCK, SOCK_STREAM, 0);
  if (handle < 0) return undefined;
  const address = new Uint8Array(new ArrayBuffer(16));
  /* Any port and any context: VMADDR_PORT_ANY and VMADDR_CID_ANY (vsock(7)). */
  address.set([AF_VSOCK]);
  address.fill(255, 4, 12);
  const isListening = sockets.bind(handle, address, 16) === 0 &&
    sockets.listen(handle, 1) === 0;
  if (isListening) return handle;
  closeSocket(handle);
  return undefined;
}
